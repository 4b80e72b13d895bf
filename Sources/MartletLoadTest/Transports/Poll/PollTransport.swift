import NIOCore

/// Long polls (docs/protocol.md, HTTP fallback): one after another for what is new, requests of their own for what is published.
/// Confined to its event loop.
final class PollTransport: ClientTransport {
  /// How long the server may wait for something, in seconds.
  static let wait = 25

  private let path: String
  private let polls: RequestQueue
  private let makePublisher: (@escaping (ByteBuffer) -> Void) -> Publisher
  private var publisher: Publisher?
  private var delegate: (any ClientTransportDelegate)?
  /// Where the next poll goes on; nil: before the first answer to a new client.
  private var position: Position?
  private var isOpen = false
  private var isEnded = false
  private var isReading = true
  /// A poll is to be sent when the client reads again.
  private var isHeldBack = false

  init(_ dial: Dial, _ connector: Connector, delegate: any ClientTransportDelegate) {
    path = "/poll\(dial.path)"
    position = dial.position
    polls = RequestQueue(dial, connector)
    makePublisher = { Publisher(dial, connector, answered: $0) }
    self.delegate = delegate
  }

  func start() {
    poll()
  }

  // MARK: ClientTransport

  func send(_ text: ByteBuffer, sequence: UInt32?) {
    guard isOpen, !isEnded else { return }
    if publisher == nil {
      publisher = makePublisher { self.deliver($0) }
      publisher?.setReading(isReading)
    }
    publisher?.send(text, sequence: sequence)
  }

  /// Each message leaves at once.
  func flush() {}

  func read() {}

  func setReading(_ reading: Reading) {
    isReading = reading != .paused
    polls.setReading(isReading)
    publisher?.setReading(isReading)
    guard isReading, isHeldBack else { return }
    isHeldBack = false
    poll()
  }

  func close() {
    abort()
  }

  func abort() {
    isEnded = true
    delegate = nil
    polls.end()
    publisher?.end()
    publisher = nil
  }

  private func end(_ end: ConnectionEnd) {
    let delegate = delegate
    abort()
    delegate?.transportDidEnd(end)
  }

  // MARK: Polls

  private func poll() {
    guard !isEnded else { return }
    guard isReading else {
      isHeldBack = true
      return
    }
    polls.get(target) { result in
      switch result {
      case .success(let response): self.receive(response)
      case .failure(let failure): self.end(self.meaning(of: failure.end))
      }
    }
  }

  /// A poll that finds no connection is to a client that is there what a lost connection is to others.
  private func meaning(of end: ConnectionEnd) -> ConnectionEnd {
    if isOpen, case .connectFailed(let reason) = end { .lost(reason) } else { end }
  }

  private var target: String {
    guard let position else { return path }
    // Who comes back is told at once what was missed.
    let wait = isOpen ? Self.wait : 0
    return Dial.adding("wait=\(wait)", to: Dial.adding(position, to: path))
  }

  private func receive(_ response: RequestQueue.Response) {
    guard !isEnded else { return }
    guard response.status == 200 else {
      // A gateway that stops answers 503; the client goes on elsewhere, as after a lost connection.
      let isRetriable = isOpen && response.status >= 500
      return end(
        isRetriable
          ? .lost("HTTP \(response.status)") : .refused(.init(status: response.status)))
    }
    let bytes = response.body.readableBytesUInt8Span
    let answer: PollAnswer
    do throws(MalformedJSON) {
      answer = try PollAnswer.parse(bytes)
    } catch {
      return end(.violation("the answer to a poll is not the JSON that it should be"))
    }
    let now = NIODeadline.now().uptimeNanoseconds
    introduce(answer)
    position = answer.position
    for publication in answer.publications where !isEnded {
      delegate?.transportDidReceive(bytes.extracting(publication), now: now)
    }
    poll()
  }

  /// Says what a WebSocket would have said before the publications.
  private func introduce(_ answer: PollAnswer) {
    if !isOpen {
      isOpen = true
      delegate?.transportDidOpen()
      // Who goes on is told its own position (docs/protocol.md, `connection_established`).
      let own = answer.recovered == true ? position ?? answer.position : answer.position
      let recovered = answer.recovered.map { #","recovered":\#($0)"# } ?? ""
      deliver(
        ByteBuffer(
          string: #"{"type":"connection_established","position":\#(Self.json(own))\#(recovered)}"#))
    } else if answer.recovered == false {
      deliver(
        ByteBuffer(
          string: #"{"type":"resync","position":\#(Self.json(answer.position)),"reason":"gap"}"#))
    }
  }

  /// An epoch is as it was in JSON, escapes untouched.
  private static func json(_ position: Position) -> String {
    #"{"epoch":"\#(position.epoch)","offset":\#(position.offset)}"#
  }

  private func deliver(_ message: ByteBuffer) {
    delegate?.transportDidReceive(
      message.readableBytesUInt8Span, now: NIODeadline.now().uptimeNanoseconds)
  }
}
