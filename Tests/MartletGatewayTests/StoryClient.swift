import MartletCore
import MartletTestSupport

/// By what a client of a story comes.
enum StoryTransport: String, CaseIterable, Sendable {
  case webSocket
  case webSocketOverHTTP2
  case eventStream
  case poll
}

/// A client that lives through the same story on every transport. Used by one task.
final class StoryClient {
  enum Event: Equatable {
    case publication(Int?)
    /// Something was missed and cannot be had.
    case missed
    /// With the close code; the client may come back.
    case ended(Int)
  }

  /// Where it goes on after it has ended.
  struct Place: Equatable {
    var epoch: String
    var offset: Int
  }

  private enum Link {
    case webSocket(WebSocketTestClient)
    case stream(HTTP2TestClient, HTTP2TestClient.Stream)
    case events(EventStreamTestClient)
    case poll
  }

  /// The gateway would not have it; the status, or the close code.
  struct Refused: Error, Equatable {
    var code: Int
  }

  let transport: StoryTransport
  private let port: Int
  private let path: String
  private let query: String
  private let link: Link
  private var waiting: [Event] = []
  private(set) var place: Place
  /// Nil: it has not asked.
  private(set) var isRecovered: Bool?

  private init(
    _ transport: StoryTransport, _ port: Int, _ path: String, _ query: String, _ link: Link,
    _ first: JSONObject
  ) throws {
    self.transport = transport
    self.port = port
    self.path = path
    self.query = query
    self.link = link
    place = try Self.place(first)
    if case .bool(let value)? = first["recovered"] { isRecovered = value }
    take(first)
  }

  private static func place(_ frame: JSONObject) throws -> Place {
    guard let epoch = frame.text("position.epoch"), let offset = frame.number("position.offset")
    else { throw NeverTrue(what: "\(frame) says where the client is") }
    return Place(epoch: epoch, offset: offset)
  }

  /// Comes to a gateway, again if there is a `place`.
  ///
  /// - Parameter query: such as `token=…`.
  static func join(
    _ transport: StoryTransport, port: Int, _ path: String, query: String = "name=Ann",
    at place: Place? = nil
  ) async throws -> StoryClient {
    let position = place.map { "&epoch=\($0.epoch)&offset=\($0.offset)" } ?? ""
    let target = "\(path)?\(query)\(position)"
    let (link, first): (Link, JSONObject)
    switch transport {
    case .webSocket:
      let client = try await WebSocketTestClient.connect(port: port, target)
      let frame = try await client.frame()
      guard frame.opcode == 1, try JSONObject(frame.text).text("type") != "error" else {
        if frame.opcode == 8 { throw Refused(code: Self.code(frame)) }
        throw Refused(code: try await client.closeCode() ?? 0)
      }
      (link, first) = (.webSocket(client), try JSONObject(frame.text))
    case .webSocketOverHTTP2:
      let client = try await HTTP2TestClient.connect(port: port)
      let stream = try await client.webSocket(target)
      guard let message = try await stream.message(), message.text("type") != "error" else {
        throw Refused(code: try await stream.closeCode() ?? 0)
      }
      (link, first) = (.stream(client, stream), message)
    case .eventStream:
      let client = try await EventStreamTestClient.connect(
        port: port, "/sse\(path)?\(query)",
        headers: place.map { [("Last-Event-ID", "\($0.epoch):\($0.offset)")] } ?? [])
      guard client.status == 200 else { throw Refused(code: client.status) }
      let event = try await client.event().json()
      if event.text("type") == "closing" { throw Refused(code: event.number("code") ?? 0) }
      (link, first) = (.events(client), event)
    case .poll:
      let answer = try await HTTPTestClient.request(port: port, "/poll\(target)&wait=0")
      guard answer.status == 200 else { throw Refused(code: answer.status) }
      (link, first) = (.poll, try answer.json())
    }
    return try StoryClient(transport, port, path, query, link, first)
  }

  private static func code(_ frame: WebSocketTestClient.Frame) -> Int {
    frame.payload.prefix(2).reduce(0) { $0 << 8 | Int($1) }
  }

  /// What comes next.
  func event() async throws -> Event {
    while waiting.isEmpty {
      switch link {
      case .webSocket(let client):
        let frame = try await client.frame()
        switch frame.opcode {
        case 1: take(try JSONObject(frame.text))
        case 8: waiting.append(.ended(Self.code(frame)))
        default: break
        }
      case .stream(_, let stream):
        if let message = try await stream.message() {
          take(message)
        } else {
          waiting.append(.ended(try await stream.closeCode() ?? 0))
        }
      case .events(let client):
        let event = try await client.event()
        if let id = event.id?.split(separator: ":"), id.count == 2, let offset = Int(id[1]) {
          place = Place(epoch: String(id[0]), offset: offset)
        }
        take(try event.json())
      case .poll:
        let target = "/poll\(path)?\(query)&epoch=\(place.epoch)&offset=\(place.offset)&wait=20"
        // A gateway that has stopped does not even answer.
        let answer = try? await HTTPTestClient.request(port: port, target)
        guard let answer, answer.status == 200 else {
          waiting.append(.ended(answer?.status ?? 503))
          break
        }
        let body = try answer.json()
        place = try Self.place(body)
        if body["recovered"] == .bool(false) { waiting.append(.missed) }
        take(body)
      }
    }
    return waiting.removeFirst()
  }

  private func take(_ frame: JSONObject) {
    for publication in frame.objects("publications") { take(publication) }
    switch frame.text("type") {
    case "chat_message":
      waiting.append(.publication(frame.number("n")))
      // A poll and an id say it themselves.
      guard transport != .poll, transport != .eventStream else { break }
      if let epoch = frame.text("epoch") { place.epoch = epoch }
      if let offset = frame.number("offset") { place.offset = offset }
    case "resync":
      if let next = try? Self.place(frame) { place = next }
      waiting.append(.missed)
    case "closing":
      waiting.append(.ended(frame.number("code") ?? 0))
    default: break
    }
  }

  /// Sends an event as clients of its transport do.
  func publish(_ number: Int) async throws {
    let id = "\(transport)-\(number)"
    let event = #"{"type":"chat_message","n":\#(number),"idempotency_id":"\#(id)"}"#
    switch link {
    case .webSocket(let client): try await client.send(event)
    case .stream(_, let stream): try await stream.send(event)
    case .events, .poll:
      let answer = try await HTTPTestClient.request(
        "POST", port: port, "/poll\(path)?\(query)", body: event)
      guard answer.status == 200 else { throw Refused(code: answer.status) }
    }
  }

  func leave() async throws {
    switch link {
    case .webSocket(let client): await client.abort()
    case .stream(let client, _): await client.abort()
    case .events(let client): await client.abort()
    case .poll: break
    }
  }
}
