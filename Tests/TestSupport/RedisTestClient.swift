package import MartletCore
internal import NIOCore
internal import NIOPosix

/// Commands to a Redis, written apart from `MartletRedis`: one connection per call.
package enum RedisTestClient {
  /// What Redis answered (RESP 2).
  package enum Reply: Equatable, Sendable {
    case text(String)
    case error(String)
    case number(Int)
    case list([Reply])
    case null

    package var text: String? { if case .text(let text) = self { text } else { nil } }
    package var error: String? { if case .error(let text) = self { text } else { nil } }
    package var number: Int? { if case .number(let number) = self { number } else { nil } }
    package var list: [Reply]? { if case .list(let list) = self { list } else { nil } }
  }

  /// Redis answered a command with an error.
  package struct ErrorReply: Error, CustomStringConvertible {
    package var text: String
    package var command: [String]

    package var description: String { "\(command.joined(separator: " ")): \(text)" }
  }

  /// The connection ended, or the time was over, before all replies were there.
  package struct Unanswered: Error {
    package var commands: [[String]]
    package var server: RedisServer
  }

  /// Sends one command; an error reply is thrown as ``ErrorReply``.
  package static func send(
    _ command: [String], to server: RedisServer, within limit: Duration = .seconds(10)
  ) async throws -> Reply {
    let reply = try await send([command], to: server, within: limit)[0]
    if let text = reply.error { throw ErrorReply(text: text, command: command) }
    return reply
  }

  /// Sends commands on one connection, pipelined.
  ///
  /// - Returns: a reply for each, error replies among them.
  /// - Throws: ``Unanswered``, ``ErrorReply`` if the sign-in fails, or why there is no connection.
  package static func send(
    _ commands: [[String]], to server: RedisServer, within limit: Duration = .seconds(10)
  ) async throws -> [Reply] {
    var preamble: [[String]] = []
    if let password = server.password {
      preamble.append(["AUTH"] + (server.username.map { [$0] } ?? []) + [password])
    }
    if server.database != 0 { preamble.append(["SELECT", "\(server.database)"]) }
    var request = ByteBuffer()
    for command in preamble + commands { request.write(command: command) }
    let unanswered = Unanswered(commands: commands, server: server)

    let loop = MultiThreadedEventLoopGroup.singleton.next()
    let promise = loop.makePromise(of: [Reply].self)
    let timeout = loop.scheduleTask(in: TimeAmount(limit)) { promise.fail(unanswered) }
    defer { timeout.cancel() }
    let count = preamble.count + commands.count
    let channel: any Channel
    do {
      channel = try await ClientBootstrap(group: loop)
        .channelInitializer { channel in
          channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(
              ReplyCollector(count: count, promise, otherwise: unanswered))
          }
        }
        .connect(host: server.host, port: server.port).get()
    } catch {
      promise.fail(error)
      throw error
    }
    channel.writeAndFlush(request, promise: nil)
    do {
      let replies = try await promise.futureResult.get()
      try? await channel.close().get()
      for (command, reply) in zip(preamble, replies) {
        if let text = reply.error { throw ErrorReply(text: text, command: [command[0]]) }
      }
      return Array(replies.dropFirst(preamble.count))
    } catch {
      try? await channel.close().get()
      throw error
    }
  }
}

private final class ReplyCollector: ChannelInboundHandler {
  typealias InboundIn = ByteBuffer

  private let count: Int
  private let promise: EventLoopPromise<[RedisTestClient.Reply]>
  private let unanswered: any Error
  private var replies: [RedisTestClient.Reply] = []
  private var bytes = ByteBuffer()

  init(
    count: Int, _ promise: EventLoopPromise<[RedisTestClient.Reply]>,
    otherwise unanswered: any Error
  ) {
    self.count = count
    self.promise = promise
    self.unanswered = unanswered
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    bytes.writeImmutableBuffer(unwrapInboundIn(data))
    while replies.count < count {
      var rest = bytes
      guard let reply = rest.readReply() else { break }
      bytes = rest
      replies.append(reply)
    }
    if replies.count == count { promise.succeed(replies) }
  }

  func channelInactive(context: ChannelHandlerContext) {
    promise.fail(unanswered)
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    promise.fail(error)
    context.close(promise: nil)
  }
}

extension ByteBuffer {
  fileprivate mutating func write(command: [String]) {
    writeString("*\(command.count)\r\n")
    for argument in command { writeString("$\(argument.utf8.count)\r\n\(argument)\r\n") }
  }

  /// The next reply; nil if it is not complete, which leaves the buffer anywhere.
  fileprivate mutating func readReply() -> RedisTestClient.Reply? {
    guard let end = readableBytesView.firstIndex(of: UInt8(ascii: "\n")),
      let line = readString(length: end + 1 - readerIndex)?.dropLast(), let kind = line.first
    else { return nil }
    let value = String(line.dropFirst())
    switch kind {
    case "+": return .text(value)
    case "-": return .error(value)
    case ":": return Int(value).map { .number($0) }
    case "$":
      guard let length = Int(value), length >= 0 else { return .null }
      guard let text = readString(length: length), readString(length: 2) != nil else { return nil }
      return .text(text)
    case "*":
      guard let count = Int(value), count >= 0 else { return .null }
      var list: [RedisTestClient.Reply] = []
      for _ in 0..<count {
        guard let reply = readReply() else { return nil }
        list.append(reply)
      }
      return .list(list)
    default:
      return .error("not RESP 2: \(line)")
    }
  }
}
