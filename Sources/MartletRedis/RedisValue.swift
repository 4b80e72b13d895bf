package import NIOCore

/// A reply of Redis (RESP2).
package enum RedisValue: Equatable, Sendable {
  case null
  case integer(Int64)
  /// A bulk or simple string.
  case string(ByteBuffer)
  case array([RedisValue])
  /// The server refused this command; the connection is fine.
  case error(String)

  /// The text of a string, else nil.
  package var text: String? {
    if case .string(let buffer) = self { String(buffer: buffer) } else { nil }
  }

  /// The bytes of a string, else nil.
  package var bytes: ByteBuffer? {
    if case .string(let buffer) = self { buffer } else { nil }
  }

  /// The number of an integer, or of a string of digits, else nil.
  package var number: Int64? {
    switch self {
    case .integer(let value): value
    case .string: text.flatMap { Int64($0) }
    case .null, .array, .error: nil
    }
  }

  /// Throws ``RedisError/refused(_:)`` if this is an error.
  func accepted() throws(RedisError) -> RedisValue {
    if case .error(let message) = self { throw .refused(message) }
    return self
  }

  /// The elements of an array, else nil.
  package var elements: [RedisValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }
}

/// Why a command has no reply, or none that can be used.
package enum RedisError: Error, Equatable, CustomStringConvertible {
  /// The command was not sent: there was no server that could take it, for as long as it was willing to wait.
  case unavailable(String)
  /// Too much waits already; the command was not sent.
  case overloaded
  /// The connection was lost, or the reply overdue: the command may or may not have been executed.
  case connectionLost
  /// Redis answered with this error.
  case refused(String)
  /// The command was executed, but no replica has confirmed it in time.
  case notReplicated
  /// The reply is not of the shape that the command promises.
  case unexpectedReply(String)
  /// The bytes are not RESP.
  case protocolViolation(String)

  package var description: String {
    switch self {
    case .unavailable(let reason): reason
    case .overloaded: "too many commands wait for Redis"
    case .connectionLost: "the connection to Redis was lost"
    case .refused(let message): "Redis refused: \(message)"
    case .notReplicated: "no replica of Redis has confirmed it"
    case .unexpectedReply(let message): "unexpected reply of Redis: \(message)"
    case .protocolViolation(let message): "not the Redis protocol: \(message)"
    }
  }
}
