internal import MartletCore
internal import NIOCore

/// What a caller wants of whichever server owns a key, and how it is sent.
struct RedisRequest: Sendable {
  enum Body: Sendable {
    case command(RedisCommand)
    case evaluation(RedisEvaluation)
  }

  var body: Body
  /// Decides which server it is for.
  var key: String
  /// Gets a reply that is not an error, or a ``RedisError``.
  var promise: EventLoopPromise<RedisValue>
  /// Until when it may wait to be sent.
  var deadline: NIODeadline
  /// Whether the server rings when what this command reads changes.
  var isTracked = false
  /// Where the command has to be sent once, after ASKING, although the slot has another owner still.
  var asked: HostAndPort?
  /// How often it was sent elsewhere.
  var redirections = 0
  /// Its place among the requests for its slot, see ``RedisLane/admit(_:)``.
  var turn: UInt64 = 0

  var isAsking: Bool { asked != nil }

  /// What it is about, more precisely than by its slot: its second key, if it has several; if it has one, also what is done
  /// with it, since a server that does not write may well read.
  var subject: String {
    switch body {
    case .evaluation(let evaluation): return evaluation.keys.dropFirst().first ?? key
    case .command(let command):
      guard case .text(let name)? = command.arguments.first else { return key }
      return "\(name) \(key)"
    }
  }

  var script: RedisScript? {
    if case .evaluation(let evaluation) = body { evaluation.script } else { nil }
  }

  /// - Parameter withSource: puts a script into the server's cache.
  func command(withSource: Bool) -> RedisCommand {
    switch body {
    case .command(let command): command
    case .evaluation(let evaluation): evaluation.command(withSource: withSource)
    }
  }

  /// Bytes of payload, roughly.
  var size: Int {
    switch body {
    case .command(let command): command.size
    case .evaluation(let evaluation): RedisCommand(evaluation.arguments).size
    }
  }
}
