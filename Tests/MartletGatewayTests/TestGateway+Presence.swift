import Foundation
import MartletCore
import MartletTestSupport

extension TestGateway {
  /// Connects to a room as somebody with a token.
  ///
  /// - Parameter presence: the connection's meta, as JSON.
  func connect(
    _ room: String, as user: String, presence: String? = nil,
    userAgent: String = "Test \"browser\""
  ) async throws -> WebSocketTestClient {
    let token = try await Self.token(user, ["name": .string(user.capitalized)])
    let meta = presence.map { "&presence=" + Self.escaped($0) } ?? ""
    return try await WebSocketTestClient.connect(
      port: port, "/ws/room/\(room)/?token=\(token)\(meta)",
      headers: [(name: "User-Agent", value: userAgent)])
  }

  /// ``connect(_:as:presence:)``, and waits until both the room and the user's home know of it.
  func enter(
    _ room: String, as user: String, presence: String? = nil
  ) async throws -> WebSocketTestClient {
    let client = try await connect(room, as: user, presence: presence)
    let first = try await client.message(ofType: "connection_established")
    let id = first.text("connection_id")
    try await eventually("\(user) is in room \(room)") {
      let places = try await self.user(user).objects("where").filter {
        $0.text("group") == "room_\(room)"
      }
      let connections = try await member(user, of: room)?.number("connections")
      return places.contains { $0.text("connection_id") == id } && connections == places.count
    }
    return client
  }

  /// What the API says of a member of a room; nil if it is none.
  func member(_ user: String, of room: String) async throws -> JSONObject? {
    try await api("GET", "/api/presence/room_\(room)?limit=1000").json().objects("members")
      .first { $0.text("id") == user }
  }

  /// What the API says of a user.
  func user(_ id: String) async throws -> JSONObject {
    try await api("GET", "/api/users/\(Self.escaped(id))").json()
  }

  static func escaped(_ text: String) -> String {
    text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
  }
}

extension WebSocketTestClient {
  /// The next message of `type` about `user` that meets a condition; others are dropped.
  func message(
    ofType type: String, about user: String, where isMeant: (JSONObject) -> Bool = { _ in true }
  ) async throws -> JSONObject {
    while true {
      let message = try await message(ofType: type)
      if message.text("user.id") == user, isMeant(message) { return message }
    }
  }

  /// Waits until the group is told that somebody's status is `status`.
  func told(_ status: UserStatus, of user: String) async throws {
    _ = try await message(ofType: "presence_updated", about: user) {
      $0.text("status") == status.rawValue
    }
  }

  /// The types of the messages up to the one of `type`.
  func types(upTo type: String) async throws -> [String] {
    var types: [String] = []
    repeat { types.append(try await message().text("type") ?? "") } while types.last != type
    return types
  }
}

extension JSONObject {
  /// The objects in the list at a dotted path.
  func objects(_ path: String) -> [JSONObject] {
    (list(path) ?? []).compactMap { element in
      if case .object(let fields) = element { JSONObject(fields: fields) } else { nil }
    }
  }

  /// The element at a dotted path whose `id` is this.
  func object(_ path: String, id: String) -> JSONObject? {
    objects(path).first { $0.text("id") == id }
  }
}
