internal import MartletTLS

/// A Lua script. Servers get its source when they see it for the first time.
package struct RedisScript: Hashable, Sendable {
  /// For logs.
  package let name: String
  package let source: String
  /// What EVALSHA calls it.
  let digest: String

  package init(name: String, source: String) {
    self.name = name
    self.source = source
    self.digest = OpenSSL.sha1(Array(source.utf8)).map { byte in
      let text = String(byte, radix: 16)
      return byte < 16 ? "0" + text : text
    }.joined()
  }

  package static func == (left: RedisScript, right: RedisScript) -> Bool {
    left.digest == right.digest
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(digest)
  }
}

/// A script with its keys, which are all in one slot, and its arguments.
struct RedisEvaluation: Sendable {
  var script: RedisScript
  var keys: [String]
  var arguments: [RedisCommand.Argument]

  /// - Parameter withSource: EVAL, which also puts the script into the server's cache; else EVALSHA.
  func command(withSource: Bool) -> RedisCommand {
    var command: RedisCommand = [
      withSource ? "EVAL" : "EVALSHA", .text(withSource ? script.source : script.digest),
      .number(Int64(keys.count)),
    ]
    command.arguments.reserveCapacity(3 + keys.count + arguments.count)
    command.arguments.append(contentsOf: keys.map { .text($0) })
    command.arguments.append(contentsOf: arguments)
    return command
  }
}
