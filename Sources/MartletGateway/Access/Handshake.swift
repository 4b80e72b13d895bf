internal import MartletCore
internal import MartletDaemon
internal import NIOHTTP1

/// What a client's first request says about who comes and from where (docs/protocol.md).
struct Handshake: Equatable {
  var token: String?
  /// The name that an anonymous user gives itself.
  var name: String?
  var since: Position?
  /// What the connection says of itself to the other members: a JSON object.
  var presence: String?

  /// The longest name of an anonymous user, in bytes.
  static let maximumNameLength = 100

  /// Throws what is wrong with the query.
  init(_ head: HTTPRequestHead) throws(Refusal) {
    let query = RequestTarget(head.uri).query
    let offeredToken = Self.offered(head).first(where: Self.looksLikeToken)
    token =
      query["token"].flatMap { $0.isEmpty ? nil : $0 }
      ?? head.headers.first(name: "Authorization").flatMap(Self.bearer)
      ?? offeredToken
    name = query["name"].flatMap { name in
      name.isEmpty || name.utf8.count > Self.maximumNameLength ? nil : name
    }
    presence = query["presence"].flatMap { $0.isEmpty ? nil : $0 }
    // What a browser has seen since its page made the URL goes first.
    since = try Self.position(eventID: head)
    if since == nil { since = try Self.position(query) }
  }

  /// The subprotocol to answer with; browsers insist on one of those they offered.
  static func subprotocol(_ head: HTTPRequestHead) -> String? {
    let offered = offered(head)
    let token = offered.first(where: looksLikeToken)
    return offered.first { $0 != token } ?? token
  }

  private static func offered(_ head: HTTPRequestHead) -> [String] {
    head.headers[canonicalForm: "Sec-WebSocket-Protocol"].map(String.init)
  }

  /// Whether the client offers what can be offered (RFC 6455 §4.1): one of them goes into the answer.
  static func hasValidSubprotocols(_ head: HTTPRequestHead) -> Bool {
    offered(head).allSatisfy { text in
      !text.isEmpty
        && text.utf8.allSatisfy { byte in
          byte > 0x20 && byte < 0x7f && !"()<>@,;:\\\"/[]?={}".utf8.contains(byte)
        }
    }
  }

  /// What an event stream of ours has given as `id`; browsers may send the empty one.
  private static func position(eventID head: HTTPRequestHead) throws(Refusal) -> Position? {
    guard let text = head.headers.first(name: "Last-Event-ID"), !text.isEmpty else { return nil }
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2 else {
      throw Refusal(.badParameter, "Last-Event-ID is the id of an event of this stream")
    }
    return try position(["epoch": String(parts[0]), "offset": String(parts[1])])
  }

  private static func position(_ query: [String: String]) throws(Refusal) -> Position? {
    switch (query["epoch"], query["offset"]) {
    case (nil, nil):
      return nil
    case (let epoch?, let offset?):
      guard let epoch = Epoch(epoch) else {
        throw Refusal(.badParameter, "epoch is 1 to 40 letters and digits")
      }
      guard let offset = UInt64(offset), offset < 1 << 53 else {
        throw Refusal(.badParameter, "offset is a whole number below 2^53")
      }
      return Position(epoch: epoch, offset: offset)
    default:
      throw Refusal(.badParameter, "epoch and offset come together")
    }
  }

  private static func bearer(_ header: String) -> String? {
    let parts = header.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    return String(parts[1])
  }

  /// Three base64url parts: no subprotocol is named like that.
  private static func looksLikeToken(_ text: String) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return parts.count == 3 && parts.allSatisfy { $0.count > 1 }
  }
}
