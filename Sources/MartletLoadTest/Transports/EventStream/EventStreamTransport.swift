import NIOCore
import NIOHTTP1

/// Server-sent events (docs/protocol.md), over HTTP/1.1 or a stream of HTTP/2; publishes by requests. Confined to its event loop.
final class EventStreamTransport: ClientTransport, ResponseOwner {
  private enum State {
    /// The head of the response is awaited. To: open, ended.
    case connecting
    case open
    case ended
  }

  private let dial: Dial
  private let connector: Connector
  private var state = State.connecting
  private var parser = EventStreamParser()
  private var stream: (any ClientStream)?
  private var publisher: Publisher?
  private var delegate: (any ClientTransportDelegate)?
  private var isReading = true

  init(_ dial: Dial, _ connector: Connector, delegate: any ClientTransportDelegate) {
    self.dial = dial
    self.connector = connector
    self.delegate = delegate
  }

  /// Gives the transport what brings the events. Called once, before anything comes from there.
  func attach(_ stream: any ClientStream) {
    self.stream = stream
  }

  /// What is asked for, as a browser that comes back does.
  var requestFields: HTTPHeaders {
    var fields: HTTPHeaders = ["accept": "text/event-stream", "cache-control": "no-store"]
    if let position = dial.position {
      fields.add(name: "last-event-id", value: "\(position.epoch):\(position.offset)")
    }
    return fields
  }

  // MARK: ClientTransport

  func send(_ text: ByteBuffer, sequence: UInt32?) {
    guard case .open = state else { return }
    let publisher = publisher ?? makePublisher()
    publisher.send(text, sequence: sequence)
  }

  private func makePublisher() -> Publisher {
    let made = Publisher(dial, connector) { message in
      self.delegate?.transportDidReceive(
        message.readableBytesUInt8Span, now: NIODeadline.now().uptimeNanoseconds)
    }
    made.setReading(isReading)
    publisher = made
    return made
  }

  /// Each message leaves at once.
  func flush() {}

  func setReading(_ reading: Reading) {
    isReading = reading != .paused
    stream?.setReading(reading)
    publisher?.setReading(isReading)
  }

  func read() {
    stream?.read()
  }

  func close() {
    abort()
  }

  func abort() {
    state = .ended
    delegate = nil
    stream?.abort()
    stream = nil
    publisher?.end()
    publisher = nil
  }

  private func end(_ end: ConnectionEnd) {
    let delegate = delegate
    abort()
    delegate?.transportDidEnd(end)
  }

  // MARK: ResponseOwner

  func responseDidBegin(status: Int, _ fields: HTTPHeaders) {
    guard case .connecting = state else { return }
    guard status == 200 else { return end(.refused(.init(status: status))) }
    // WHATWG HTML §9.2.2: any other type fails the connection.
    let type = fields.first(name: "content-type")?.prefix { $0 != ";" && $0 != " " }
    guard type?.lowercased() == "text/event-stream" else {
      return end(
        .refused(
          .init(
            label: UpgradeHandshake.malformedLabel,
            message: "the response is no text/event-stream but \(type ?? "of no type")")))
    }
    state = .open
    delegate?.transportDidOpen()
  }

  func responseDidReceive(_ bytes: ByteBuffer) {
    let now = NIODeadline.now().uptimeNanoseconds
    var bytes = bytes
    do throws(EventStreamParser.TooLarge) {
      while case .open = state, try parser.next(&bytes) {
        let data = parser.data
        if let closing = ClosingEvent.parse(data.readableBytesUInt8Span) {
          return end(.closed(code: closing.code, reason: closing.reason))
        }
        delegate?.transportDidReceive(data.readableBytesUInt8Span, now: now)
      }
    } catch {
      end(.violation("an event is larger than 16 MiB"))
    }
  }

  func responseDidEnd() {
    end(.lost("the stream of events ended without a closing event"))
  }

  func responseDidFail(_ end: ConnectionEnd) {
    self.end(end)
  }
}
