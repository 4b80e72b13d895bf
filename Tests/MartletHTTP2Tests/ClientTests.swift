import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// The client's side.
@Suite struct ClientTests {
  private func client() throws -> (EmbeddedChannel, HTTP2ClientHandler) {
    let handler = HTTP2ClientHandler()
    let channel = EmbeddedChannel(handler: handler)
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    channel.embeddedEventLoop.run()
    return (channel, handler)
  }

  private func sent(_ channel: EmbeddedChannel) throws -> [Frame] {
    channel.embeddedEventLoop.run()
    var bytes = ByteBuffer()
    while let next = try channel.readOutbound(as: ByteBuffer.self) {
      bytes.writeImmutableBuffer(next)
    }
    if HTTP2Preface.matches(bytes.readableBytesView) == .yes {
      bytes.moveReaderIndex(forwardBy: 24)
    }
    return Frame.read(&bytes)
  }

  @Test func `An extended CONNECT waits for the server's settings`() throws {
    let (channel, handler) = try client()
    let recorder = StreamRecorder()
    let stream = handler.request(.webSocket(authority: "a", path: "/"), delegate: recorder)
    stream.write(ByteBuffer(string: "early"))
    #expect(try sent(channel).allSatisfy { $0.type != .headers } && stream.id == 0)
    try channel.writeInbound(Frame.settings([(8, 1)]).bytes)
    let frames = try sent(channel)
    #expect(frames.map(\.type).contains(.headers) && stream.id == 1)
    #expect(frames.last?.text == "early" && stream.pendingBytes == 0)
    #expect(handler.pendingBytes == 0)
  }

  @Test func `Servers that know no extended CONNECT are told from others`() throws {
    let (channel, handler) = try client()
    let recorder = StreamRecorder()
    let stream = handler.request(.webSocket(authority: "a", path: "/"), delegate: recorder)
    try channel.writeInbound(Frame.settings().bytes)
    channel.embeddedEventLoop.run()
    #expect(recorder.closures == [.unsupported] && !stream.isOpen)
    #expect(handler.streamCount == 0)
    let plain = StreamRecorder()
    _ = handler.request(
      HTTP2RequestHead(method: .GET, authority: "a", path: "/", endStream: true), delegate: plain)
    #expect(try sent(channel).map(\.type).contains(.headers) && plain.closures.isEmpty)
  }

  @Test func `Bytes go both ways over a WebSocket's stream`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, recorder in
      stream.respond(status: .ok, headers: ["sec-websocket-protocol": "martlet"])
      recorder.onReceived = { stream.write($0) }
      recorder.onEnd = { stream.end() }
    }
    let (stream, recorder) = pair.request(
      .webSocket(authority: "a", path: "/socket", headers: ["Origin": "https://a"]))
    try pair.exchange()
    #expect(recorder.heads.map(\.status) == [.ok])
    #expect(recorder.heads[0].headers == ["sec-websocket-protocol": "martlet"])
    #expect(pair.server.heads[0].headers["origin"] == ["https://a"])
    let bytes = ByteBuffer(bytes: (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
    stream.write(bytes)
    stream.end()
    try pair.exchange()
    #expect(recorder.bytes == bytes && recorder.hasEnd && recorder.closures == [.finished])
  }

  @Test func `A server may end all of its responses before the requests end`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, _ in
      stream.respond(status: .ok)
      stream.end(discardingInput: true)
    }
    // More than a server would let a client reset.
    for _ in 0..<(HTTP2Configuration().resets.burst * 2) {
      let (_, recorder) = pair.request(.webSocket(authority: "a", path: "/"))
      try pair.exchange()
      #expect(recorder.hasEnd && recorder.closures.count == 1)
    }
    let (stream, _) = pair.request(.webSocket(authority: "a", path: "/"))
    #expect(stream.isOpen)
  }

  @Test func `A refusal is a response`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, _ in
      stream.respond(status: .forbidden)
      stream.write(ByteBuffer(string: "no"))
      stream.end(discardingInput: true)
    }
    let (_, recorder) = pair.request(.webSocket(authority: "a", path: "/"))
    try pair.exchange()
    #expect(recorder.heads.map(\.status) == [.forbidden] && recorder.text == "no")
    #expect(recorder.closures == [.resetByPeer(.noError)])
  }

  @Test func `Requests above the server's limit wait`() throws {
    var configuration = HTTP2Configuration()
    configuration.maximumConcurrentStreams = 1
    let pair = try EmbeddedPair(server: configuration)
    let (first, _) = pair.request(.webSocket(authority: "a", path: "/1"))
    try pair.exchange()
    let (_, recorder) = pair.request(.webSocket(authority: "a", path: "/2"))
    try pair.exchange()
    #expect(pair.server.heads.map(\.path) == ["/1"])
    first.reset()
    try pair.exchange()
    #expect(pair.server.heads.map(\.path) == ["/1", "/2"] && recorder.closures.isEmpty)
  }

  @Test func `A request that waits may be taken back`() throws {
    let (channel, handler) = try client()
    let recorder = StreamRecorder()
    handler.request(.webSocket(authority: "a", path: "/"), delegate: recorder).reset()
    channel.embeddedEventLoop.run()
    #expect(recorder.closures == [.resetHere(.cancel)] && handler.streamCount == 0)
    try channel.writeInbound(Frame.settings([(8, 1)]).bytes)
    #expect(try sent(channel).allSatisfy { $0.type != .headers })
  }

  @Test func `An interim response comes before the final one`() throws {
    let (channel, handler) = try client()
    let recorder = StreamRecorder()
    _ = handler.request(
      HTTP2RequestHead(method: .GET, authority: "a", path: "/", endStream: true),
      delegate: recorder)
    channel.embeddedEventLoop.run()
    try channel.writeInbound(Frame.settings().bytes)
    try channel.writeInbound(Frame.headers(1, [(":status", "103"), ("link", "x")]).bytes)
    try channel.writeInbound(Frame.headers(1, [(":status", "204")], endStream: true).bytes)
    #expect(recorder.heads.map(\.status.code) == [103, 204])
    #expect(recorder.hasEnd && recorder.closures == [.finished])
  }

  @Test func `Requests before the channel is active leave when it is`() throws {
    let handler = HTTP2ClientHandler()
    let channel = EmbeddedChannel(handler: handler)
    let recorder = StreamRecorder()
    let stream = handler.request(
      HTTP2RequestHead(method: .POST, authority: "a", path: "/"), delegate: recorder)
    stream.write(ByteBuffer(string: "body"))
    stream.end()
    try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    let frames = try sent(channel)
    #expect(frames.suffix(2).map(\.type) == [.headers, .data] && frames.last?.text == "body")
    _ = try channel.finish()
    let late = StreamRecorder()
    _ = handler.request(
      HTTP2RequestHead(method: .GET, authority: "a", path: "/", endStream: true), delegate: late)
    channel.embeddedEventLoop.run()
    #expect(late.closures == [.refused] && recorder.closures == [.connectionClosed(nil)])
  }
}
