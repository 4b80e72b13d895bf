import Testing

/// What an attacker does, and the answer that the gateway owes it.
struct Attack: Sendable, CustomTestStringConvertible {
  /// The subject of a sentence that ``answer`` completes.
  let deed: String
  let answer: Answer
  /// Does it, and tells what the gateway has answered. Whatever the attacker opened is closed behind it.
  let run: @Sendable (Attacker) async throws -> Answer

  init(
    _ deed: String, _ answer: Answer, _ run: @escaping @Sendable (Attacker) async throws -> Answer
  ) {
    self.deed = deed
    self.answer = answer
    self.run = run
  }

  /// A whole sentence.
  var testDescription: String { "\(deed) \(answer)" }
}

/// How a gateway answers an attacker.
enum Answer: Equatable, Sendable, CustomStringConvertible {
  /// As anybody else: what it does is allowed, however odd.
  case served
  /// One HTTP response, and nothing else of what was sent is looked at: the connection ends.
  case rejected(Int)
  /// One HTTP response after the other, on a connection that stays.
  case statuses([Int])
  /// A close frame with this code.
  case closed(Int?)
  /// An `error` frame with this code; the session stays.
  case refused(String)
  /// The connection ends, after a deadline or at once.
  case disconnected
  /// A TLS alert (RFC 8446 §6).
  case alert(UInt8)
  /// The HTTP/2 connection ends with this code (RFC 9113 §7).
  case goAway(UInt32)
  /// The HTTP/2 stream ends with this code.
  case reset(UInt32)

  var description: String {
    switch self {
    case .served: "is served"
    case .rejected(let status): "is answered \(status) and disconnected"
    case .statuses(let statuses) where statuses.count > 10:
      "is answered \(statuses[0]) \(statuses.count) times"
    case .statuses(let statuses):
      "is answered " + statuses.map(String.init).joined(separator: ", ")
    case .closed(let code): "is closed with \(code.map(String.init) ?? "no code")"
    case .refused(let code): "is told \(code), and may stay"
    case .disconnected: "is disconnected"
    case .alert(let number): "gets the TLS alert \(number)"
    case .goAway(let code): "is sent away with the HTTP/2 error \(code)"
    case .reset(let code): "gets its stream reset with the HTTP/2 error \(code)"
    }
  }
}
