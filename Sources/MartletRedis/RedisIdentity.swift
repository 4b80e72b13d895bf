internal import MartletCore

/// What a server says of itself when it is connected to. A value.
struct RedisIdentity: Equatable, Sendable {
  /// Identity of the history of the server's data: another one after each restart and each promotion, when the last
  /// writes may be lost (`master_replid`).
  var incarnation: String

  /// The oldest supported Redis: `MINID` came with it.
  static let minimumVersion = (major: 6, minor: 2)

  /// Judges the replies to ``greeting(_:name:)`` and ``question``.
  ///
  /// - Parameter isCluster: which mode the server has to run in.
  /// - Throws: ``RedisError/unavailable(_:)`` with a sentence that says what to change.
  init(hello: RedisValue, replication: RedisValue, isCluster: Bool) throws(RedisError) {
    let facts = Self.facts(hello)
    let name = facts["server"]?.text ?? "redis"
    let version = facts["version"]?.text ?? "0"
    if name == "redis", !Self.isSupported(version) {
      throw .unavailable("Redis \(version) is too old: 6.2 or newer, or Valkey, is needed")
    }
    let mode = facts["mode"]?.text ?? "standalone"
    if isCluster, mode != "cluster" {
      throw .unavailable(
        "this Redis runs in mode \(mode), not cluster: list it under backplane.redis.servers")
    }
    if !isCluster, mode != "standalone" {
      throw .unavailable(
        "this Redis runs in mode \(mode): list it under backplane.redis.cluster if it is a node of"
          + " a Redis Cluster")
    }
    incarnation = try Self.incarnation(replication)
  }

  /// The client's number on the server, in the reply to ``greeting(_:name:)``.
  static func clientID(_ hello: RedisValue) -> Int64 {
    facts(hello)["id"]?.number ?? 0
  }

  /// What to tell an operator about a failed sign-in: never the password, which Redis 5 repeats when it does not know
  /// HELLO.
  static func explain(_ error: any Error, server: RedisServer) -> String {
    if case RedisError.refused(let message) = error, message.contains("unknown command") {
      return "Redis is too old or lacks a command: 6.2 or newer, or Valkey, is needed"
    }
    let text = "\(error)"
    return server.password.map { text.replacing($0, with: "***") } ?? text
  }

  /// Signs in and names the client (Redis 6.0: HELLO). RESP2: libhiredis 0.14 knows nothing else.
  static func greeting(_ server: RedisServer, name: String) -> RedisCommand {
    var command: RedisCommand = ["HELLO", "2"]
    if let password = server.password {
      command.arguments += ["AUTH", .text(server.username ?? "default"), .text(password)]
    }
    command.arguments += ["SETNAME", .text(name)]
    return command
  }

  /// The answer tells whether the server is a master, and ``incarnation``.
  static let question: RedisCommand = ["INFO", "replication"]

  /// The incarnation in the reply to ``question``; an error if the server is no master: a demoted one goes on
  /// answering reads.
  static func incarnation(_ replication: RedisValue) throws(RedisError) -> String {
    let lines = (replication.text ?? "").split(whereSeparator: \.isNewline)
    func value(_ key: String) -> Substring? {
      lines.first { $0.hasPrefix(key + ":") }?.dropFirst(key.count + 1)
    }
    guard let role = value("role"), let id = value("master_replid") else {
      throw .unexpectedReply("INFO replication")
    }
    guard role == "master" else { throw .unavailable("this Redis is a replica, not a master") }
    // 16 of 40 hexadecimal digits tell incarnations apart, and are stored with each group.
    return String(id.prefix(16))
  }

  private static func facts(_ hello: RedisValue) -> [String: RedisValue] {
    let elements = hello.elements ?? []
    var facts: [String: RedisValue] = [:]
    for index in stride(from: 0, to: elements.count - 1, by: 2) {
      if let key = elements[index].text { facts[key] = elements[index + 1] }
    }
    return facts
  }

  private static func isSupported(_ version: String) -> Bool {
    let parts = version.split(separator: ".").map { Int($0) ?? 0 }
    let major = parts.first ?? 0
    let minor = parts.dropFirst().first ?? 0
    return (major, minor) >= (minimumVersion.major, minimumVersion.minor)
  }
}
