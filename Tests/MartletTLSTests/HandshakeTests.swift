import MartletTestSupport
import NIOCore
import NIOEmbedded
import Testing

@testable import MartletTLS

extension TLSTests {
  @Suite struct HandshakeTests {
    @Test(arguments: [TLSVersion.tls12, .tls13], [Int.max, 1])
    func `Both sides report the version, however bytes arrive`(
      version: TLSVersion, pieces: Int
    ) throws {
      let pair = try TLSPair(newestVersion: version)
      try pair.connect(pieces: pieces)
      let result = TLSHandshakeCompleted(version: version, serverName: "localhost")
      #expect(pair.client.journal.entries == [.handshake(result)])
      #expect(pair.server.journal.entries == [.handshake(result)])
    }

    @Test func `A handler added to an open connection shakes hands at once`() throws {
      let channel = EmbeddedChannel()
      try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
      try channel.pipeline.syncOperations.addHandler(
        TLSHandler.client(TLSContext.testClient(), serverName: "localhost"))
      let hello = try channel.readOutbound(as: ByteBuffer.self)
      #expect(try hello.flatMap(ServerNameExtension.hostName) == "localhost")
    }

    @Test func `A server may speak TLS 1.3 only`() throws {
      var configuration = TLSServerConfiguration(TestCertificates.ofSuite.server)
      configuration.oldestVersion = .tls13
      let server = try TLSContext.server(configuration)
      let old = try TLSPair(.testClient(newestVersion: .tls12), server)
      try old.connect()
      #expect(
        old.server.journal.entries == [.error(.handshake("unsupported protocol")), .inactive])
      #expect(
        old.client.journal.entries == [
          .error(.handshake("the peer refuses: protocol version")), .inactive,
        ])
      let new = try TLSPair(.testClient(), server)
      try new.connect()
      #expect(new.server.journal.handshake?.version == .tls13)
    }

    // MARK: Server names (RFC 6066 §3)

    @Test(arguments: ["localhost", "localhost.", "LOCALHOST"])
    func `A host name is told to the server`(name: String) throws {
      let pair = try TLSPair(.testClient(), .testServer(), serverName: name)
      try pair.connect()
      #expect(pair.client.journal.handshake != nil)
      let host = name.hasSuffix(".") ? String(name.dropLast()) : name
      #expect(try ServerNameExtension.hostName(in: pair.client.sent) == host)
    }

    @Test func `An address is verified, but not told to the server`() throws {
      let pair = try TLSPair(
        .testClient(), .testServer(), serverName: "127.0.0.1")
      try pair.connect()
      #expect(pair.client.journal.handshake != nil)
      #expect(try ServerNameExtension.hostName(in: pair.client.sent) == nil)
    }

    @Test(arguments: ["", ".", "two words", "m\u{e4}rz.example", "localhost\0.example"])
    func `What is no name is an error`(name: String) throws {
      let context = try TLSContext.testClient()
      #expect(
        throws: TLSError.configuration(
          problem: "'\(name)' is neither a host name in ASCII nor an IP address")
      ) { try TLSHandler.client(context, serverName: name) }
    }

    // MARK: Application protocols (RFC 7301)

    @Test func `The server's preference decides the application protocol`() throws {
      let pair = try TLSPair(
        .testClient(offering: ["http/1.1", "h2"]),
        .testServer(protocols: ["h2", "http/1.1"]))
      try pair.connect()
      #expect(pair.client.journal.handshake?.applicationProtocol == "h2")
      #expect(pair.server.journal.handshake?.applicationProtocol == "h2")
    }

    @Test(arguments: [([], ["h2"]), (["h2"], []), ([], [])] as [([String], [String])])
    func `No protocol is chosen unless both sides name some`(
      offered: [String], known: [String]
    ) throws {
      let pair = try TLSPair(
        .testClient(offering: offered), .testServer(protocols: known))
      try pair.connect()
      #expect(pair.client.journal.handshake?.applicationProtocol == nil)
      #expect(pair.server.journal.handshake == pair.client.journal.handshake)
      #expect(pair.server.isOpen)
    }

    @Test func `Protocols without anything in common end the handshake`() throws {
      let pair = try TLSPair(
        .testClient(offering: ["redis"]), .testServer(protocols: ["h2"]))
      try pair.connect()
      #expect(
        pair.client.journal.entries == [
          .error(.handshake("the peer refuses: no application protocol")), .inactive,
        ])
      #expect(
        pair.server.journal.entries == [
          .error(.handshake("no application protocol")), .inactive,
        ])
    }

    // MARK: Peers that do not speak TLS

    @Test func `A server that answers in plain text is not taken for TLS`() throws {
      let pair = try TLSPair()
      try pair.activate()
      let write = pair.client.send("PING")
      try pair.client.receive(ByteBuffer(string: "-ERR unknown command\r\n"))
      #expect(
        pair.client.journal.entries == [
          .error(.handshake("wrong version number (the peer seems not to speak TLS)")),
          .inactive,
        ])
      #expect(throws: TLSError.self) { try write.wait() }
    }

    @Test(arguments: [
      ("GET / HTTP/1.1\r\n\r\n", "http request (the peer seems not to speak TLS)"),
      ("*1\r\n$4\r\nPING\r\n", "wrong version number (the peer seems not to speak TLS)"),
    ])
    func `A client that speaks plain text is refused`(text: String, reason: String) throws {
      let pair = try TLSPair()
      try pair.activate()
      try pair.server.receive(ByteBuffer(string: text))
      #expect(pair.server.journal.entries == [.error(.handshake(reason)), .inactive])
    }

    @Test func `Random bytes end a handshake with an error, not a crash`() throws {
      let seed = UInt64.random(in: 0...UInt64.max)
      print("seed \(seed)")
      var random = SeededGenerator(seed: seed)
      for _ in 0..<200 {
        let pair = try TLSPair()
        try pair.activate()
        guard var hello = try pair.client.takeSent() else { continue }
        let position = Int.random(in: 0..<hello.readableBytes, using: &random)
        hello.setInteger(UInt8.random(in: 0...255, using: &random), at: position)
        try pair.server.receive(hello)
        try pair.pump()
        let outcomes = pair.server.journal.entries
        #expect(outcomes.count <= 2, "\(outcomes)")
      }
    }
  }
}

/// Reads a ClientHello as far as the name of the server (RFC 8446 §4.1.2, RFC 6066 §3).
private enum ServerNameExtension {
  private struct Malformed: Error {}

  static func hostName(in hello: ByteBuffer) throws -> String? {
    var hello = hello
    // Record header, handshake header, version, random.
    hello.moveReaderIndex(forwardBy: 5 + 4 + 2 + 32)
    guard hello.readLengthPrefixedSlice(as: UInt8.self) != nil,
      hello.readLengthPrefixedSlice(as: UInt16.self) != nil,
      hello.readLengthPrefixedSlice(as: UInt8.self) != nil,
      var extensions = hello.readLengthPrefixedSlice(as: UInt16.self)
    else { throw Malformed() }
    while let kind = extensions.readInteger(as: UInt16.self) {
      guard var content = extensions.readLengthPrefixedSlice(as: UInt16.self) else {
        throw Malformed()
      }
      guard kind == 0 else { continue }
      // The list's length and the kind of its only name.
      content.moveReaderIndex(forwardBy: 2 + 1)
      return content.readLengthPrefixedSlice(as: UInt16.self).map { String(buffer: $0) }
    }
    return nil
  }
}
