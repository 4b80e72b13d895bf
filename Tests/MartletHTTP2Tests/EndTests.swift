import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import MartletHTTP2

/// How connections end: gracefully, by time, or all at once.
@Suite struct EndTests {
  @Test func `A graceful end is told twice, and nothing in between is lost`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    try server.send(.headers(1, EmbeddedServer.webSocket))
    _ = try server.received()
    server.handler.goAway()
    server.handler.goAway()
    let notice = try server.received()
    #expect(notice.map(\.type) == [.ping, .goAway] || notice.map(\.type) == [.goAway, .ping])
    let first = try #require(notice.first { $0.type == .goAway })
    let ping = try #require(notice.first { $0.type == .ping })
    #expect(first.number == 0x7fff_ffff && first.goAwayCode == 0)
    // The client did not know yet.
    try server.send(.headers(3, EmbeddedServer.webSocket))
    #expect(server.heads.count == 2)
    var answer = ping
    answer.flags = Frame.acknowledgement
    try server.send(answer)
    let second = try server.received(.goAway)
    #expect(second.map(\.number) == [3] && second.map(\.goAwayCode) == [0])
    try server.send(.headers(5, EmbeddedServer.webSocket))
    #expect(server.heads.count == 2)
    for stream in server.streams {
      stream.write(ByteBuffer(string: "bye"))
      stream.end()
    }
    #expect(try server.received(.data).map(\.text) == ["bye", "bye"])
    #expect(server.channel.isActive)
    try server.send(.data(1, endStream: true), .data(3, endStream: true))
    server.loop.run()
    #expect(!server.channel.isActive)
    #expect(server.recorders.allSatisfy { $0.closures == [.finished] })
  }

  @Test func `A client that does not answer the first notice gets the second anyway`() throws {
    let server = try EmbeddedServer()
    server.handler.goAway()
    #expect(try server.received(.goAway).count == 1)
    server.loop.advanceTime(by: .seconds(1))
    #expect(try server.received(.goAway).map(\.number) == [0])
    #expect(!server.channel.isActive)
  }

  @Test func `A client's end is told, and waits for its streams`() throws {
    let pair = try EmbeddedPair()
    let (stream, recorder) = pair.request(.webSocket(authority: "a", path: "/"))
    pair.server.onAccept = { stream, _ in stream.respond(status: .ok) }
    try pair.exchange()
    pair.client.goAway()
    try pair.exchange()
    #expect(pair.clientChannel.isActive)
    stream.end()
    pair.server.streams[0].end()
    try pair.exchange()
    #expect(recorder.closures == [.finished])
    #expect(!pair.clientChannel.isActive)
  }

  @Test func `A server's end is told to the client, which opens no more`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, _ in stream.respond(status: .ok) }
    _ = pair.request(.webSocket(authority: "a", path: "/"))
    try pair.exchange()
    pair.server.handler.goAway()
    try pair.exchange()
    #expect(pair.goAways == [.noError, .noError])
    let (_, late) = pair.request(.webSocket(authority: "a", path: "/"))
    try pair.exchange()
    #expect(late.closures == [.refused])
  }

  @Test func `Requests that the server has not looked at are refused`() throws {
    let pair = try EmbeddedPair()
    pair.server.onAccept = { stream, _ in stream.respond(status: .ok) }
    let (_, first) = pair.request(.webSocket(authority: "a", path: "/"))
    try pair.exchange()
    let (_, second) = pair.request(.webSocket(authority: "a", path: "/"))
    pair.loop.run()
    try pair.clientChannel.writeInbound(Frame.goAway(lastStream: 1).bytes)
    #expect(first.closures.isEmpty && second.closures == [.refused])
  }

  @Test func `An abort closes every stream once`() throws {
    let server = try EmbeddedServer()
    for id in 0..<3 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.post)) }
    server.handler.abort()
    server.handler.abort()
    #expect(!server.channel.isActive)
    #expect(server.recorders.allSatisfy { $0.closures == [.connectionClosed(nil)] })
  }

  @Test func `A transport that dies closes every stream once`() throws {
    let server = try EmbeddedServer()
    for id in 0..<3 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.post)) }
    server.streams[0].reset()
    try server.channel.close().wait()
    #expect(server.recorders.allSatisfy { $0.closures == [.connectionClosed(nil)] })
    #expect(server.streams.allSatisfy { !$0.isOpen && $0.remoteAddress == nil })
  }

  @Test func `Half of a transport is none`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, EmbeddedServer.post))
    server.channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
    #expect(!server.channel.isActive && server.recorders[0].closures.count == 1)
  }

  @Test func `A delegate may end the connection from wherever it is called`() throws {
    for place in 0..<4 {
      let server = try EmbeddedServer()
      server.onAccept = { stream, recorder in
        if place == 0 { server.handler.abort() }
        stream.respond(status: .ok)
        if place == 1 { recorder.onReceived = { _ in server.handler.abort() } }
        if place == 2 { recorder.onEnd = { server.handler.abort() } }
        if place == 3 { recorder.onClosed = { _ in server.handler.abort() } }
      }
      try? server.send(
        .headers(1, EmbeddedServer.post), .data(1, "a", endStream: true),
        .headers(3, EmbeddedServer.post), .data(3, "a"), .reset(3))
      for stream in server.streams { stream.end() }
      _ = try? server.received()
      #expect(!server.channel.isActive, "\(place)")
      #expect(server.recorders.allSatisfy { $0.closures.count == 1 }, "\(place)")
    }
  }

  @Test func `A delegate may use its siblings from wherever it is called`() throws {
    let server = try EmbeddedServer()
    server.onAccept = { stream, recorder in
      stream.respond(status: .ok)
      recorder.onReceived = { bytes in
        for sibling in server.streams where sibling !== stream { sibling.write(bytes) }
      }
      recorder.onClosed = { _ in
        for sibling in server.streams { sibling.write(ByteBuffer(string: "\(stream.id) gone ")) }
        if stream.id == 1 { server.streams[2].reset() }
      }
    }
    for id in 0..<3 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.webSocket)) }
    try server.send(.data(1, "hello"))
    #expect(try server.received(.data).map(\.stream).sorted() == [3, 5])
    try server.send(.reset(1))
    let frames = try server.received()
    #expect(frames.map(\.stream).sorted() == [3, 5])
    #expect(frames.first { $0.stream == 3 }?.text == "1 gone 5 gone ")
    #expect(server.recorders.map(\.closures.count) == [1, 0, 1])
  }

  // MARK: Time

  @Test func `A stream that takes nothing is reset, its siblings go on`() throws {
    var configuration = HTTP2Configuration()
    configuration.stallTimeout = .seconds(40)
    let server = try EmbeddedServer(configuration, settings: [(4, 100)])
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    for id in 0..<3 { try server.send(.headers(Int32(2 * id + 1), EmbeddedServer.webSocket)) }
    for stream in server.streams.prefix(2) { stream.write(ByteBuffer(repeating: 7, count: 200)) }
    _ = try server.received()
    server.loop.advanceTime(by: .seconds(10))
    #expect(server.streams.map { $0.stalledSince != nil } == [true, true, false])
    server.loop.advanceTime(by: .seconds(10))
    // The second takes a little.
    try server.send(.windowUpdate(3, 1))
    #expect(server.streams[1].stalledSince == nil)
    server.loop.advanceTime(by: .seconds(30))
    #expect(server.recorders.map(\.closures) == [[.stalled], [], []])
    let resets = try server.received(.reset)
    #expect(resets.map(\.stream) == [1])
    #expect(resets.map(\.number) == [HTTP2ErrorCode.cancel.rawValue])
    server.loop.advanceTime(by: .seconds(30))
    #expect(server.recorders.map(\.closures) == [[.stalled], [.stalled], []])
  }

  @Test func `A connection whose socket takes nothing is closed`() throws {
    var configuration = HTTP2Configuration()
    configuration.stallTimeout = .seconds(40)
    let server = try EmbeddedServer(configuration)
    server.onAccept = { stream, _ in stream.respond(status: .ok) }
    try server.send(.headers(1, EmbeddedServer.webSocket))
    _ = try server.received()
    server.gate.isOpen = false
    server.streams[0].write(ByteBuffer(string: "a"))
    server.loop.run()
    server.loop.advanceTime(by: .seconds(49))
    #expect(server.channel.isActive)
    server.loop.advanceTime(by: .seconds(1))
    #expect(!server.channel.isActive)
    #expect(server.recorders[0].closures == [.connectionClosed(nil)])
  }

  @Test func `A connection without streams is ended after a while`() throws {
    let server = try EmbeddedServer()
    server.loop.advanceTime(by: .seconds(299))
    try server.send(.headers(1, EmbeddedServer.post))
    server.loop.advanceTime(by: .seconds(1_000))
    #expect(try server.received(.goAway).isEmpty)
    server.streams[0].reset()
    server.loop.run()
    server.loop.advanceTime(by: .seconds(299))
    #expect(try server.received(.goAway).isEmpty)
    server.loop.advanceTime(by: .seconds(1))
    #expect(try server.received(.goAway).count == 1)
    server.loop.advanceTime(by: .seconds(1))
    #expect(!server.channel.isActive)
  }

  @Test func `A peer that sends only half a request is idle`() throws {
    let server = try EmbeddedServer()
    try server.send(.headers(1, block: ByteBuffer(), endHeaders: false))
    server.loop.advanceTime(by: .seconds(301))
    #expect(!server.channel.isActive)
  }

  @Test func `Last bytes that do not leave do not keep a connection`() throws {
    let server = try EmbeddedServer()
    server.gate.isOpen = false
    try server.send(.data(0, "broken"))
    server.loop.run()
    #expect(server.channel.isActive)
    server.loop.advanceTime(by: .seconds(5))
    #expect(!server.channel.isActive)
  }

  @Test func `Connections and streams are released`() throws {
    weak var stream: HTTP2Stream?
    weak var connection: HTTP2Connection?
    try {
      let pair = try EmbeddedPair()
      pair.server.onAccept = { stream, _ in stream.respond(status: .ok) }
      let request = pair.request(.webSocket(authority: "a", path: "/"))
      try pair.exchange()
      request.0.write(ByteBuffer(string: "a"))
      stream = request.0
      connection = pair.client.connection
      _ = try pair.clientChannel.finish()
      _ = try pair.server.channel.finish()
      pair.loop.run()
    }()
    #expect(stream == nil && connection == nil)
  }
}
