import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// RFC 9113 §5.2 and §6.9, and what a channel may have.
@Suite struct FlowControlTests {
  private func server(
    _ configuration: HTTP2Configuration = HTTP2Configuration(), streams: Int, window: UInt32
  ) throws -> EmbeddedServer {
    let server = try EmbeddedServer(configuration, settings: [(4, window)])
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    for index in 0..<streams {
      try server.send(.headers(Int32(2 * index + 1), EmbeddedServer.webSocket))
    }
    _ = try server.received()
    return server
  }

  @Test func `A stream keeps what its window does not take, and its sibling goes on`() throws {
    let server = try server(streams: 2, window: 10)
    server.streams[0].write(ByteBuffer(string: "0123456789abc"))
    #expect(try server.received(.data).map(\.text) == ["0123456789"])
    #expect(server.streams[0].pendingBytes == 3)
    server.streams[0].write(ByteBuffer(string: "def"))
    server.streams[1].write(ByteBuffer(string: "sibling"))
    #expect(try server.received(.data).map(\.text) == ["sibling"])
    #expect(server.streams[0].pendingBytes == 6 && server.streams[1].pendingBytes == 0)
    #expect(server.handler.pendingBytes == 6)
    try server.send(.windowUpdate(1, 100))
    #expect(try server.received(.data).map(\.text) == ["abcdef"])
    #expect(server.handler.pendingBytes == 0)
  }

  @Test func `The end waits for the bytes before it`() throws {
    let server = try server(streams: 1, window: 4)
    server.streams[0].write(ByteBuffer(string: "12345678"))
    server.streams[0].end()
    #expect(try server.received(.data).map(\.endsStream) == [false])
    try server.send(.windowUpdate(1, 4))
    let last = try server.received(.data)
    #expect(last.map(\.text) == ["5678"] && last.map(\.endsStream) == [true])
  }

  @Test func `The connection's window stops all streams, and they share what comes`() throws {
    let server = try server(streams: 2, window: 1_000_000)
    let bytes = ByteBuffer(repeating: 7, count: 200_000)
    for stream in server.streams { stream.write(bytes) }
    var sent: [Int32: Int] = [:]
    for frame in try server.received(.data) {
      sent[frame.stream, default: 0] += frame.payload.readableBytes
    }
    #expect(sent.values.reduce(0, +) == 65_535)
    // Turn by turn, in frames of 16 KiB.
    #expect(sent.values.allSatisfy { $0 > 32_000 })
    try server.send(.windowUpdate(0, 100_000))
    for frame in try server.received(.data) {
      sent[frame.stream, default: 0] += frame.payload.readableBytes
    }
    #expect(sent.values.reduce(0, +) == 165_535 && sent.values.allSatisfy { $0 > 75_000 })
  }

  @Test func `Writes of one turn leave in one write, small ones in one frame`() throws {
    let server = try server(streams: 3, window: 65_535)
    let flushes = server.gate.flushes
    for stream in server.streams {
      stream.write(ByteBuffer(string: "a"))
      stream.write(ByteBuffer(string: "b"))
    }
    #expect(server.gate.flushes == flushes)
    #expect(try server.received(.data).map(\.text) == ["ab", "ab", "ab"])
    #expect(server.gate.flushes == flushes + 1)
  }

  @Test func `Large bytes are passed on as they are`() throws {
    let server = try server(streams: 1, window: 65_535)
    let bytes = ByteBuffer(repeating: 7, count: 10_000)
    server.streams[0].write(bytes)
    server.loop.run()
    _ = try server.channel.readOutbound(as: ByteBuffer.self)
    let payload = try #require(try server.channel.readOutbound(as: ByteBuffer.self))
    #expect(payload == bytes)
    let isShared = unsafe payload.withUnsafeReadableBytes { payload in
      unsafe bytes.withUnsafeReadableBytes { unsafe $0.baseAddress == payload.baseAddress }
    }
    #expect(isShared)
  }

  @Test func `A channel that does not write gets a bounded amount`() throws {
    var configuration = HTTP2Configuration()
    configuration.maximumUnwrittenBytes = 50_000
    let server = try server(configuration, streams: 2, window: 1_000_000)
    try server.send(.windowUpdate(0, 1_000_000))
    server.gate.isOpen = false
    for stream in server.streams { stream.write(ByteBuffer(repeating: 7, count: 200_000)) }
    server.loop.run()
    // One frame may reach over the bound.
    #expect((50_000...70_000).contains(server.gate.held))
    let held = server.gate.held
    try server.send(.ping(1))
    server.loop.run()
    #expect(server.gate.held == held)
    try server.gate.release(server.channel)
    #expect(try server.received(.data).map(\.payload.readableBytes).reduce(0, +) == 400_000)
    #expect(server.handler.pendingBytes == 0)
  }

  @Test func `A stream tells when it has drained`() throws {
    var configuration = HTTP2Configuration()
    configuration.drainedMark = 100
    let server = try server(configuration, streams: 1, window: 150)
    let recorder = server.recorders[0]
    server.streams[0].write(ByteBuffer(repeating: 7, count: 90))
    _ = try server.received()
    // It was never above.
    #expect(recorder.drains == 0)
    server.streams[0].write(ByteBuffer(repeating: 7, count: 200))
    _ = try server.received()
    #expect(server.streams[0].pendingBytes == 140 && recorder.drains == 0)
    recorder.onDrained = { server.streams[0].write(ByteBuffer(string: "more")) }
    try server.send(.windowUpdate(1, 41))
    let sent = try server.received(.data).map(\.payload.readableBytes)
    #expect(recorder.drains == 1 && sent == [41] && server.streams[0].pendingBytes == 103)
  }

  // MARK: Receiving

  @Test func `A stream that is not read gets its window's worth and no more`() throws {
    var configuration = HTTP2Configuration()
    configuration.initialStreamWindow = 1_000
    let pair = try EmbeddedPair(server: configuration)
    pair.server.onAccept = { stream, _ in
      stream.respond(status: .ok)
      if stream.id == 1 { stream.setReading(false) }
    }
    let (slow, _) = pair.request(.webSocket(authority: "a", path: "/slow"))
    let (quick, _) = pair.request(.webSocket(authority: "a", path: "/quick"))
    try pair.exchange()
    let bytes = ByteBuffer(repeating: 7, count: 5_000)
    slow.write(bytes)
    quick.write(bytes)
    slow.end()
    try pair.exchange()
    let recorders = pair.server.recorders
    #expect(recorders[1].bytes.readableBytes == 5_000)
    #expect(recorders[0].bytes.readableBytes == 0 && slow.pendingBytes == 4_000)
    pair.server.streams[0].setReading(true)
    // Not from within the call.
    #expect(recorders[0].bytes.readableBytes == 0)
    try pair.exchange()
    #expect(recorders[0].bytes.readableBytes == 5_000 && recorders[0].hasEnd)
  }

  @Test func `Streams that are not read do not use up the connection's window`() throws {
    var configuration = HTTP2Configuration()
    configuration.connectionWindow = 65_535
    let pair = try EmbeddedPair(server: configuration)
    pair.server.onAccept = { stream, _ in
      stream.respond(status: .ok)
      if stream.id < 7 { stream.setReading(false) }
    }
    let requests = (0..<4).map { _ in pair.request(.webSocket(authority: "a", path: "/")).0 }
    try pair.exchange()
    for stream in requests { stream.write(ByteBuffer(repeating: 7, count: 60_000)) }
    try pair.exchange()
    #expect(pair.server.recorders.map(\.bytes.readableBytes) == [0, 0, 0, 60_000])
  }

  @Test func `A reader may stop within what it reads`() throws {
    let server = try server(streams: 1, window: 65_535)
    let recorder = server.recorders[0]
    recorder.onReceived = { _ in server.streams[0].setReading(false) }
    try server.send(.data(1, "one"), .data(1, "two"), .data(1, "three", endStream: true))
    #expect(recorder.text == "one")
    server.streams[0].setReading(true)
    server.loop.run()
    #expect(recorder.text == "onetwothree" && !recorder.hasEnd)
    server.streams[0].setReading(true)
    server.loop.run()
    #expect(recorder.hasEnd)
  }

  @Test func `What came before an end in order is delivered, though nobody reads`() throws {
    let server = try server(streams: 1, window: 65_535)
    server.streams[0].setReading(false)
    server.streams[0].end()
    try server.send(.data(1, "last words", endStream: true))
    _ = try server.received()
    #expect(server.recorders[0].text == "last words" && server.recorders[0].hasEnd)
    #expect(server.recorders[0].closures == [.finished])
  }

  @Test func `More than a window is the peer's error`() throws {
    var configuration = HTTP2Configuration()
    configuration.initialStreamWindow = 100
    let server = try server(configuration, streams: 1, window: 65_535)
    server.streams[0].setReading(false)
    try server.send(.data(1, ByteBuffer(repeating: 7, count: 101)))
    let frames = try server.received()
    let codes = frames.compactMap { $0.type == .goAway ? $0.goAwayCode : $0.number }
    #expect(codes == [HTTP2ErrorCode.flowControlError.rawValue])
    #expect(server.recorders[0].closures.count == 1)
  }
}
