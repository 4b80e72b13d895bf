internal import MartletCore

/// What an error reply means for the command that got it. Pure.
///
/// None of these but ``refusal`` has executed anything, so the command may be sent again.
/// Source: Redis Cluster specification, "Redirection and resharding".
enum RedisErrorReply: Equatable {
  /// The slot has another owner.
  case moved(slot: UInt16, owner: HostAndPort)
  /// The slot is on its way, and this key has arrived already.
  case ask(HostAndPort)
  /// Not now: the slot is on its way and only some of the keys have arrived, or the server has no quorum, is
  /// loading its data, or lacks replicas.
  case later
  /// The server is no master any more.
  case demoted
  /// The script's source has to be sent.
  case unknownScript
  /// Any other: the command is wrong or not allowed.
  case refusal

  private static let laterPrefixes = [
    "TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "NOREPLICAS", "BUSY ",
  ]

  /// - Parameter server: takes the place of a host that the redirection leaves out.
  init(_ message: String, from server: HostAndPort) {
    if let redirection = Self.redirection(message, from: server) {
      self = redirection
    } else if message.hasPrefix("NOSCRIPT") {
      self = .unknownScript
    } else if Self.laterPrefixes.contains(where: message.hasPrefix) {
      self = .later
    } else if message.contains("READONLY") {
      // Redis 6 wraps what a script's command was told: "ERR Error running script …: -READONLY …".
      self = .demoted
    } else {
      self = .refusal
    }
  }

  /// `MOVED SLOT HOST:PORT` or `ASK SLOT HOST:PORT`.
  private static func redirection(
    _ message: String, from server: HostAndPort
  ) -> RedisErrorReply? {
    let words = message.split(separator: " ")
    guard words.count >= 3, words[0] == "MOVED" || words[0] == "ASK", let slot = UInt16(words[1]),
      let colon = words[2].lastIndex(of: ":"),
      let port = Int(words[2][words[2].index(after: colon)...])
    else { return nil }
    // IPv6 hosts come without brackets.
    let host = String(words[2][..<colon])
    let address = HostAndPort(host: host.isEmpty ? server.host : host, port: port)
    return words[0] == "MOVED" ? .moved(slot: slot, owner: address) : .ask(address)
  }
}
