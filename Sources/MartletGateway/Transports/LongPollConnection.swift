internal import MartletCore
internal import MartletDaemon
internal import NIOCore
internal import NIOHTTP1

/// One poll: gathers what a client has missed, or waits for the next that comes, and answers with it. Confined to its hub's event loop.
final class LongPollConnection: SessionTransport {
  private let group: GroupName
  private unowned let hub: Hub
  private let wait: TimeAmount
  private let promise: EventLoopPromise<HTTPResponse>
  private var owner: Session?
  private var publications = ByteBuffer()
  private var recovered: Bool?
  private var timeout: Scheduled<Void>?
  private var isAnswered = false

  init(_ group: GroupName, hub: Hub, wait: TimeAmount) {
    self.group = group
    self.hub = hub
    self.wait = wait
    promise = hub.eventLoop.makePromise()
  }

  var response: EventLoopFuture<HTTPResponse> { promise.futureResult }

  func attach(_ owner: Session) {
    self.owner = owner
  }

  /// Nobody waits for the answer any more.
  func peerClosed() {
    guard !isAnswered else { return }
    answer(.text(.noContent, ""))
  }

  // MARK: SessionTransport

  let kind = TransportKind.poll
  let format = WireFormat.list
  /// It ends before anybody would ask.
  let heartbeat: TimeAmount? = .hours(1)
  let isCongested = false
  var unsentBytes: Int { publications.readableBytes }

  func introduce(_ text: String, position: Position, recovered: Bool?) {
    self.recovered = recovered
    // What was missed comes in this turn.
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    hub.eventLoop.execute { bound.value.introduced() }
  }

  private func introduced() {
    guard !isAnswered else { return }
    // A client whose position is of no use any more is told so at once.
    if publications.readableBytes > 0 || recovered == false || wait == .zero { return finish() }
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    timeout = hub.eventLoop.scheduleTask(in: wait) { bound.value.finish() }
  }

  func send(_ frames: ByteBuffer) {
    guard !isAnswered else { return }
    if publications.readableBytes == 0 {
      publications = frames
    } else {
      publications.writeImmutableBuffer(frames)
    }
    guard timeout != nil else { return }
    // With what else comes in this turn.
    timeout?.cancel()
    timeout = nil
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    hub.eventLoop.execute { bound.value.finish() }
  }

  func send(text: String, position: Position?) {
    guard let position else { return }
    // The only text with a position is a resync: what was gathered is of no use.
    recovered = false
    publications.clear()
    finish(at: position)
  }

  func ping() {}

  func setReading(_ isReading: Bool) {}

  func close(_ reason: CloseReason) {
    switch reason {
    case .draining, .connectionAge, .normal, .slowConsumer: finish()
    default: answer(GatewayAPI.response(reason, nil))
    }
  }

  func abort() {
    promise.fail(ChannelError.ioOnClosedChannel)
    isAnswered = true
    end()
  }

  // MARK: The answer

  /// Answers with everything so far; the client goes on behind it. Who has not joined is to ask again.
  private func finish() {
    guard !isAnswered else { return }
    guard let owner, let position = hub.position(of: owner.primary) else {
      return answer(GatewayAPI.response(.unavailable, nil))
    }
    finish(at: position)
  }

  private func finish(at position: Position) {
    guard !isAnswered else { return }
    var body = ByteBuffer(
      string:
        #"{"group":"\#(group.name)","position":{"epoch":"\#(position.epoch)","offset":\#(position.offset)}"#
    )
    if let recovered { body.writeString(#","recovered":\#(recovered)"#) }
    body.writeString(#","publications":["#)
    // Each has a comma behind it.
    if publications.readableBytes > 0 {
      body.writeImmutableBuffer(
        publications.getSlice(
          at: publications.readerIndex, length: publications.readableBytes - 1) ?? ByteBuffer())
    }
    body.writeString("]}")
    var response = HTTPResponse(.ok, contentType: "application/json", body: body)
    response.headers.add(name: "Cache-Control", value: "no-store")
    answer(response)
  }

  private func answer(_ response: HTTPResponse) {
    guard !isAnswered else { return }
    isAnswered = true
    promise.succeed(response)
    end()
  }

  private func end() {
    timeout?.cancel()
    timeout = nil
    let bound = NIOLoopBound(self, eventLoop: hub.eventLoop)
    // The session may be in the middle of something.
    hub.eventLoop.execute {
      bound.value.owner?.transportClosed()
      bound.value.owner = nil
    }
  }
}
