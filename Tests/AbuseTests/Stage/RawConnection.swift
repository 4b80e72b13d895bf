import Foundation
import MartletTLS
import MartletTestSupport
import NIOCore
import NIOPosix
import Synchronization

/// A connection on which an attacker sends whatever it likes. Any thread.
final class RawConnection: Sendable {
  private struct State {
    var bytes = ByteBuffer()
    var isClosed = false
    var error: String?
    /// Takes what comes instead of ``bytes``.
    var consumer: (@Sendable (ByteBuffer) -> Void)?
  }

  let channel: any Channel
  private let state: StateBox

  private init(_ channel: any Channel, _ state: StateBox) {
    self.channel = channel
    self.state = state
  }

  /// How the attacker's side of TLS is made.
  struct TLS: Sendable {
    var authorityFile: String
    var protocols: [String] = ["http/1.1"]
    var serverName = "localhost"
  }

  /// - Parameters:
  ///   - source: the local address: each of 127.0.0.0/8 is another client to the gateway.
  ///   - consumer: takes what comes, on the connection's loop; nil: it is kept.
  static func open(
    port: Int, tls: TLS? = nil, from source: String? = nil,
    consumer: (@Sendable (ByteBuffer) -> Void)? = nil
  ) async throws -> RawConnection {
    let state = StateBox()
    state.change { $0.consumer = consumer }
    let context = try tls.map {
      try TLSContext.client(
        TLSClientConfiguration(
          certificateAuthorityFile: $0.authorityFile, applicationProtocols: $0.protocols))
    }
    var bootstrap = ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
      .channelOption(.tcpOption(.tcp_nodelay), value: 1)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let context, let tls {
            try pipeline.addHandler(TLSHandler.client(context, serverName: tls.serverName))
          }
          try pipeline.addHandler(Handler(state))
        }
      }
    if let source {
      bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0))
    }
    return RawConnection(try await bootstrap.connect(host: "127.0.0.1", port: port).get(), state)
  }

  // MARK: Sending

  /// Returns when the socket has taken it; throws if the connection has ended.
  func send(_ bytes: ByteBuffer) async throws {
    try await channel.writeAndFlush(bytes).get()
  }

  func send(_ text: String) async throws {
    try await send(ByteBuffer(string: text))
  }

  /// Sends it whenever the socket takes it, if ever.
  func flood(_ bytes: ByteBuffer) {
    channel.writeAndFlush(bytes, promise: nil)
  }

  func flood(_ text: String) {
    flood(ByteBuffer(string: text))
  }

  /// Sends `bytes` one by one, each in a segment of its own, until they or the connection end.
  func drip(_ bytes: ByteBuffer) async throws {
    for byte in bytes.readableBytesView where !isClosed {
      try? await send(ByteBuffer(bytes: [byte]))
    }
  }

  /// Repeats `text`, a byte at a time, until the server ends the connection.
  func drip(endlessly text: String) async throws {
    let bytes = Array(text.utf8)
    var index = 0
    try await eventually("the server ends the connection") {
      if isClosed { return true }
      flood(ByteBuffer(bytes: [bytes[index % bytes.count]]))
      index += 1
      return false
    }
  }

  /// Stops or resumes reading, as a peer that is stalled or gone. The kernel takes little in its place.
  func setReading(_ isReading: Bool) async throws {
    if !isReading { try await channel.setOption(.socketOption(.so_rcvbuf), value: 4_096).get() }
    try await channel.setOption(.autoRead, value: isReading).get()
  }

  /// Ends what this side sends, and goes on reading.
  func finishSending() async throws {
    try await channel.close(mode: .output).get()
  }

  func close() async {
    try? await channel.close().get()
  }

  // MARK: Receiving

  var received: ByteBuffer { state.read { $0.bytes } }
  var text: String { String(buffer: received) }
  /// The server has ended the connection.
  var isClosed: Bool { state.read { $0.isClosed } }
  var error: String? { state.read { $0.error } }

  /// Forgets what has come.
  func forget() {
    state.change { $0.bytes.clear() }
  }

  func waitForEnd() async throws {
    try await eventually("the server ends the connection") { isClosed }
  }

  private final class StateBox: Sendable {
    private let state = Mutex(State())

    func read<Value: Sendable>(_ body: (State) -> Value) -> Value {
      state.withLock { body($0) }
    }

    func change(_ body: (inout State) -> Void) {
      state.withLock { body(&$0) }
    }
  }

  private final class Handler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let state: StateBox

    init(_ state: StateBox) {
      self.state = state
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
      let bytes = unwrapInboundIn(data)
      if let consumer = state.read({ $0.consumer }) { return consumer(bytes) }
      state.change { $0.bytes.writeImmutableBuffer(bytes) }
    }

    func channelInactive(context: ChannelHandlerContext) {
      state.change { $0.isClosed = true }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
      state.change { $0.error = "\(error)" }
      context.close(promise: nil)
    }
  }
}
