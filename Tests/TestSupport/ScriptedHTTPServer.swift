internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import Synchronization

/// An HTTP/1.1 server that answers as a test says, also in ways in which no server should.
package final class ScriptedHTTPServer: Sendable {
  package struct Request: Sendable {
    package var method: String
    package var target: String
    /// Names in lower case.
    package var headers: [String: String]
    package var body: String

    package func json() throws -> JSONObject { try JSONObject(body) }
  }

  package indirect enum Reply: Sendable {
    case answer(status: Int, headers: [String: String], body: String)
    /// The same, when the test calls ``release()``.
    case held(Reply)
    /// A status of 200 and a body of which a byte comes every few milliseconds, without end.
    case dripping
    /// Nothing, ever.
    case silence
    /// The connection is closed instead.
    case hangUp
    /// Bytes that may be no HTTP.
    case raw(String)

    package static func json(_ body: String) -> Reply {
      .answer(status: 200, headers: ["Content-Type": "application/json"], body: body)
    }

    package static func status(_ status: Int) -> Reply {
      .answer(status: status, headers: [:], body: "")
    }
  }

  package typealias Script = @Sendable (Request) -> Reply

  fileprivate struct State: Sendable {
    var script: Script
    var requests: [Request] = []
    var connections: [any Channel] = []
    var held: [@Sendable () -> Void] = []
    var isStopped = false
  }

  package let port: Int
  private let channel: any Channel
  private let state: StateBox

  /// Shared with the handlers of connections.
  fileprivate final class StateBox: Sendable {
    let state: Mutex<State>

    init(_ state: State) {
      self.state = Mutex(state)
    }
  }

  private init(_ channel: any Channel, _ state: StateBox) {
    self.channel = channel
    self.state = state
    port = channel.localAddress?.port ?? 0
  }

  /// - Parameter port: 0 takes a free one.
  package static func start(
    port: Int = 0, _ script: @escaping Script
  ) async throws -> ScriptedHTTPServer {
    let state = StateBox(State(script: script))
    let channel = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let isOpen = state.state.withLock { state in
            state.connections.append(channel)
            return !state.isStopped
          }
          guard isOpen else { return channel.close(promise: nil) }
          try channel.pipeline.syncOperations.addHandlers(
            ByteToMessageHandler(HTTPRequestDecoder()), ReplyHandler(state))
        }
      }
      .bind(host: "127.0.0.1", port: port).get()
    return ScriptedHTTPServer(channel, state)
  }

  /// Starts one, runs `body` and stops it, whatever happens.
  package static func with(
    _ script: @escaping Script, _ body: (ScriptedHTTPServer) async throws -> Void
  ) async throws {
    let server = try await start(script)
    do {
      try await body(server)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  /// The same with one answer to everything.
  package static func with(
    _ reply: Reply, _ body: (ScriptedHTTPServer) async throws -> Void
  ) async throws {
    let script: Script = { _ in reply }
    try await with(script, body)
  }

  /// All requests so far, in the order in which they came.
  package var requests: [Request] { state.state.withLock { $0.requests } }

  /// Answers differently from now on.
  package func script(_ script: @escaping Script) {
    state.state.withLock { $0.script = script }
  }

  /// Answers everything with `reply` from now on.
  package func script(_ reply: Reply) {
    script { _ in reply }
  }

  /// Lets all replies go that are held, and returns how many these were.
  @discardableResult
  package func release() -> Int {
    let held = state.state.withLock { state in
      defer { state.held = [] }
      return state.held
    }
    for send in held { send() }
    return held.count
  }

  /// Closes the port and all connections.
  package func stop() async {
    let connections = state.state.withLock { state in
      state.isStopped = true
      return state.connections
    }
    try? await channel.close().get()
    for connection in connections { try? await connection.close().get() }
  }
}

private final class ReplyHandler: ChannelInboundHandler {
  typealias InboundIn = HTTPServerRequestPart
  typealias OutboundOut = ByteBuffer

  private static let dripInterval = TimeAmount.milliseconds(5)

  private let state: ScriptedHTTPServer.StateBox
  private var request = ScriptedHTTPServer.Request(method: "", target: "", headers: [:], body: "")
  private var drip: RepeatedTask?

  init(_ state: ScriptedHTTPServer.StateBox) {
    self.state = state
  }

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    switch unwrapInboundIn(data) {
    case .head(let head):
      request = ScriptedHTTPServer.Request(
        method: head.method.rawValue, target: head.uri, headers: [:], body: "")
      for header in head.headers { request.headers[header.name.lowercased()] = header.value }
    case .body(let body):
      request.body += String(buffer: body)
    case .end:
      let request = request
      let script = state.state.withLock { state in
        state.requests.append(request)
        return state.script
      }
      reply(script(request), context)
    }
  }

  func channelInactive(context: ChannelHandlerContext) {
    drip?.cancel()
    context.fireChannelInactive()
  }

  func errorCaught(context: ChannelHandlerContext, error: any Error) {
    context.close(promise: nil)
  }

  private func reply(_ reply: ScriptedHTTPServer.Reply, _ context: ChannelHandlerContext) {
    switch reply {
    case .answer(let status, let headers, let body):
      var text = "HTTP/1.1 \(status) Status\r\nContent-Length: \(body.utf8.count)\r\n"
      for (name, value) in headers { text += "\(name): \(value)\r\n" }
      write(text + "\r\n" + body, context)
    case .held(let reply):
      let loop = context.eventLoop
      let bound = NIOLoopBound((self, context), eventLoop: loop)
      state.state.withLock { state in
        state.held.append {
          loop.execute {
            let (handler, context) = bound.value
            if context.channel.isActive { handler.reply(reply, context) }
          }
        }
      }
    case .dripping:
      write("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\n{", context)
      let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
      drip = context.eventLoop.scheduleRepeatedTask(
        initialDelay: Self.dripInterval, delay: Self.dripInterval
      ) { _ in
        let (handler, context) = bound.value
        handler.write(" ", context)
      }
    case .silence:
      break
    case .hangUp:
      context.close(promise: nil)
    case .raw(let text):
      write(text, context)
    }
  }

  private func write(_ text: String, _ context: ChannelHandlerContext) {
    context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
  }
}
