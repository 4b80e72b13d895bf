import MartletCore
import MartletHTTP2
import MartletTLS
import MartletTestSupport
import MartletWebSocket
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization

/// A client of one HTTP/2 connection, on the project's own client side of nghttp2.
final class HTTP2TestClient: Sendable {
  private let channel: any Channel
  private let handler: NIOLoopBound<HTTP2ClientHandler>
  private let flag: Flag

  private init(_ channel: any Channel, _ handler: NIOLoopBound<HTTP2ClientHandler>, _ flag: Flag) {
    self.channel = channel
    self.handler = handler
    self.flag = flag
  }

  private final class Flag: Sendable {
    private let value = Mutex(false)
    var isSet: Bool { value.withLock { $0 } }
    func set() { value.withLock { $0 = true } }
  }

  /// Whether the server has asked to go elsewhere.
  var isAskedToGo: Bool { flag.isSet }
  var isClosed: Bool { !channel.isActive }

  /// - Parameter authority: of the server's certificate; nil: plain text by prior knowledge.
  static func connect(port: Int, authority: String? = nil) async throws -> HTTP2TestClient {
    let flag = Flag()
    let tls = try authority.map {
      try TLSContext.client(
        TLSClientConfiguration(certificateAuthorityFile: $0, applicationProtocols: ["h2"]))
    }
    let group = MultiThreadedEventLoopGroup.singleton
    let channel = try await ClientBootstrap(group: group)
      .channelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          let pipeline = channel.pipeline.syncOperations
          if let tls { try pipeline.addHandler(TLSHandler.client(tls, serverName: "localhost")) }
          try pipeline.addHandler(HTTP2ClientHandler(goAwayReceived: { _, _ in flag.set() }))
        }
      }
      .connect(host: "127.0.0.1", port: port).get()
    let handler = try await channel.eventLoop.submit {
      NIOLoopBound(
        try channel.pipeline.syncOperations.handler(type: HTTP2ClientHandler.self),
        eventLoop: channel.eventLoop)
    }.get()
    return HTTP2TestClient(channel, handler, flag)
  }

  func abort() async {
    try? await channel.close().get()
  }

  /// A stream of the client.
  final class Stream: Sendable {
    struct State {
      var status: Int?
      var headers: [String: String] = [:]
      var text = ""
      var messages: [JSONObject] = []
      var closeCode: Int?
      var isEnded = false
      var closure: HTTP2StreamClosure?
    }

    fileprivate let state = Mutex(State())
    fileprivate let loop: any EventLoop
    fileprivate let delegate: NIOLoopBoundBox<Delegate?>

    fileprivate init(_ loop: any EventLoop) {
      self.loop = loop
      delegate = NIOLoopBoundBox.makeEmptyBox(valueType: Delegate.self, eventLoop: loop)
    }

    func read<Value: Sendable>(_ body: (State) -> Value) -> Value {
      state.withLock { body($0) }
    }

    var status: Int? { read { $0.status } }
    /// All that came, of streams that are no WebSocket.
    var text: String { read { $0.text } }
    var isEnded: Bool { read { $0.isEnded } }
    /// What it ended for; nil while it is open.
    var closure: HTTP2StreamClosure? { read { $0.closure } }

    func send(_ text: String) async throws {
      try await loop.submit { [delegate] in
        delegate.value?.stream?.write(
          WebSocketFraming.frame(
            .text, payload: ByteBuffer(string: text), maskKey: 0x0102_0304))
      }.get()
    }

    func setReading(_ isReading: Bool) async throws {
      try await loop.submit { [delegate] in delegate.value?.stream?.setReading(isReading) }.get()
    }

    func reset() async throws {
      try await loop.submit { [delegate] in delegate.value?.stream?.reset(.cancel) }.get()
    }

    /// The next message of any type; nil when the stream, or the WebSocket, has ended.
    func message() async throws -> JSONObject? {
      var next: JSONObject?
      try await eventually("a message comes") {
        state.withLock { state in
          next = state.messages.isEmpty ? nil : state.messages.removeFirst()
          return next != nil || state.isEnded || state.closeCode != nil
        }
      }
      return next
    }

    /// The next message of `type`; others are dropped.
    func message(ofType type: String) async throws -> JSONObject {
      var found: JSONObject?
      try await eventually("a message of type \(type) comes") {
        found = state.withLock { state in
          while !state.messages.isEmpty {
            let next = state.messages.removeFirst()
            if next.text("type") == type { return next }
          }
          return nil
        }
        return found != nil
      }
      guard let found else { throw NeverTrue(what: "a message of type \(type) comes") }
      return found
    }

    func closeCode() async throws -> Int? {
      try await eventually("the stream is closed") { read { $0.closeCode != nil || $0.isEnded } }
      return read { $0.closeCode }
    }
  }

  fileprivate final class Delegate: HTTP2ClientStreamDelegate {
    let owner: Stream
    var stream: HTTP2Stream?
    private var reader: WebSocketReader?

    init(_ owner: Stream, isWebSocket: Bool) {
      self.owner = owner
      reader =
        isWebSocket
        ? WebSocketReader(
          role: .client, limits: WebSocketLimits(frameSize: 1 << 24, messageSize: 1 << 24),
          deflate: nil) : nil
    }

    func received(_ head: HTTP2ResponseHead) {
      owner.state.withLock { state in
        state.status = Int(head.status.code)
        for header in head.headers { state.headers[header.name.lowercased()] = header.value }
      }
    }

    func received(_ bytes: ByteBuffer) {
      guard reader != nil, owner.status == 200 else {
        return owner.state.withLock { $0.text += String(buffer: bytes) }
      }
      reader?.append(bytes)
      while let event = try? reader?.next() {
        owner.state.withLock { state in
          switch event {
          case .text(let text):
            if let object = try? JSONObject(String(buffer: text)) { state.messages.append(object) }
          case .close(let code, _): state.closeCode = code.map(Int.init)
          default: break
          }
        }
      }
    }

    func receivedEnd() {}

    func closed(_ reason: HTTP2StreamClosure) {
      owner.state.withLock { state in
        state.isEnded = true
        state.closure = reason
      }
      stream = nil
    }
  }

  /// Opens a WebSocket on a stream of its own; returns when the server has answered.
  func webSocket(
    _ path: String, headers: HTTPHeaders = [:]
  ) async throws -> Stream {
    try await request(.webSocket(authority: "localhost", path: path, headers: headers), [])
  }

  /// Sends a request; returns when the head of the response is there.
  func request(
    _ method: HTTPMethod, _ path: String, headers: HTTPHeaders = [:], body: String = ""
  ) async throws -> Stream {
    try await request(
      HTTP2RequestHead(
        method: method, authority: "localhost", path: path, headers: headers,
        endStream: body.isEmpty),
      Array(body.utf8))
  }

  /// Begins a request whose body does not come; returns at once.
  func beginRequest(_ method: HTTPMethod, _ path: String) async throws -> Stream {
    try await begin(
      HTTP2RequestHead(
        method: method, authority: "localhost", path: path, headers: [:], endStream: false), [])
  }

  private func request(_ head: HTTP2RequestHead, _ body: [UInt8]) async throws -> Stream {
    let result = try await begin(head, body)
    try await eventually("the request is answered") { result.status != nil || result.isEnded }
    return result
  }

  private func begin(_ head: HTTP2RequestHead, _ body: [UInt8]) async throws -> Stream {
    let result = Stream(channel.eventLoop)
    let isWebSocket = head.protocol != nil
    try await channel.eventLoop.submit { [handler] in
      let delegate = Delegate(result, isWebSocket: isWebSocket)
      let stream = handler.value.request(head, delegate: delegate)
      delegate.stream = stream
      result.delegate.value = delegate
      if !body.isEmpty {
        stream.write(ByteBuffer(bytes: body))
        stream.end()
      }
    }.get()
    return result
  }
}
