import MartletGateway
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletLoadTest

/// All ways to a gateway, against the real one.
@Suite struct TransportTests {
  enum Way: String, CaseIterable {
    case webSocket, compressed, overHTTP2, compressedOverHTTP2, eventStream, eventStreamOverHTTP2
    case poll

    var transport: Behaviour.Transport {
      switch self {
      case .webSocket, .compressed: .webSocket
      case .overHTTP2, .compressedOverHTTP2: .webSocketOverHTTP2
      case .eventStream: .eventStream
      case .eventStreamOverHTTP2: .eventStreamOverHTTP2
      case .poll: .poll
      }
    }

    func dial(
      _ port: Int, _ path: String = "/ws/load/1/?x=1", isSecure: Bool = false,
      position: Position? = nil
    ) throws -> Dial {
      var dial = try Dial.test(
        port, path, transport, isSecure: isSecure, position: position)
      dial.isCompressed = self == .compressed || self == .compressedOverHTTP2
      return dial
    }
  }

  /// Long enough to be compressed, and to be cut by reads.
  private static let padding = String(repeating: "0123456789", count: 2_000)

  /// Joins, publishes and gets what was published; then comes back.
  private func tellStory(_ way: Way, _ dialer: TestDialer, _ port: Int, isSecure: Bool = false)
    async throws
  {
    let client = try await dialer.dial(try way.dial(port, isSecure: isSecure))
    let joined = try await client.message(ofType: "connection_established")
    #expect(client.isOpen)
    #expect(joined.number("position.offset") == 0)
    let epoch = try #require(joined.text("position.epoch"))
    for number in 1...3 {
      try await client.send(
        #"{"type":"load","n":\#(number),"ref":\#(number + 10),"idempotency_id":"\#(way)-\#(number)","text":"\#(Self.padding)"}"#,
        sequence: UInt32(number + 10))
    }
    var acknowledged: [Int] = []
    var published: [Int] = []
    try await eventually("all is acknowledged and delivered") {
      let messages = try client.messages.map { try JSONObject($0) }
      acknowledged = messages.filter { $0.text("type") == "ack" }.compactMap { $0.number("ref") }
      let events = messages.filter { $0.text("type") == "load" }
      published = events.compactMap { $0.number("n") }
      for event in events {
        let text = event.text("text") ?? ""
        #expect(
          text == Self.padding,
          "\(text.utf8.count) bytes, \(text.prefix(50))…\(text.suffix(50)) in \(messages.count) messages"
        )
      }
      return acknowledged.count == 3 && published.count == 3
    }
    #expect(acknowledged == [11, 12, 13])
    #expect(published == [1, 2, 3])
    try await client.close()

    let again = try await dialer.dial(
      try way.dial(
        port, isSecure: isSecure, position: Position(epoch: epoch, offset: 1)))
    let back = try await again.message(ofType: "connection_established")
    #expect(again.messages[0].contains(#""recovered":true"#))
    #expect(back.number("position.offset") == 1)
    #expect(try await again.message(ofType: "load").number("offset") == 2)
    #expect(try await again.message(ofType: "load").number("offset") == 3)
    // What comes from now on follows.
    try await again.send(#"{"type":"load","n":4,"ref":14}"#, sequence: 14)
    #expect(try await again.message(ofType: "load").number("offset") == 4)
    try await again.abort()
    #expect(client.ends.isEmpty && again.ends.isEmpty)
  }

  @Test(arguments: Way.allCases)
  func `Each transport joins, publishes, receives, and comes back with its position`(
    way: Way
  ) async throws {
    try await RealGateway.with { gateway in
      try await tellStory(way, try await TestDialer(), gateway.port)
    }
  }

  @Test func `Each transport goes through TLS`() async throws {
    for way in Way.allCases {
      try await RealGateway.withTLS { gateway, certificates in
        let dialer = try await TestDialer(
          security: ClientSecurity(.init(authorityFile: certificates.authorityFile)))
        try await tellStory(way, dialer, gateway.port, isSecure: true)
      }
    }
  }

  @Test(arguments: Way.allCases)
  func `A path that does not exist is refused with its status`(way: Way) async throws {
    try await RealGateway.with { gateway in
      let client = try await TestDialer().dial(try way.dial(gateway.port, "/nowhere"))
      #expect(try await client.end().label == "http_404")
      #expect(!client.isOpen)
    }
  }

  @Test(arguments: Way.allCases)
  func `A connect that fails at once, and one that fails later, ends each transport`(way: Way)
    async throws
  {
    let dialer = try await TestDialer()
    // Nobody listens; TCP cannot go to a broadcast address; and no such address is here to connect from.
    let port = try await FreePort.find()
    #expect(try await dialer.dial(try way.dial(port)).end().label == "connect_failed")
    var dial = try way.dial(port)
    dial.address = try SocketAddress(ipAddress: "255.255.255.255", port: 1)
    #expect(try await dialer.dial(dial).end().label == "connect_failed")
    dial = try way.dial(port)
    dial.localAddress = try SocketAddress(ipAddress: "192.0.2.1", port: 0)
    #expect(try await dialer.dial(dial).end().label == "connect_failed")
  }

  @Test(arguments: Way.allCases)
  func `A position that is gone is not recovered`(way: Way) async throws {
    try await RealGateway.with { gateway in
      let client = try await TestDialer().dial(
        try way.dial(gateway.port, position: Position(epoch: "OTHER", offset: 7)))
      _ = try await client.message(ofType: "connection_established")
      #expect(client.messages.contains { $0.contains(#""recovered":false"#) })
      try await client.abort()
    }
  }

  @Test(arguments: Way.allCases, [Reading.atOnce, .onDemand])
  func `A gateway that stops ends each transport, however it reads`(
    way: Way, reading: Reading
  ) async throws {
    let gateway = try await RealGateway.start(limits: "{drain_timeout: 500ms}")
    let client: TestTransport
    do {
      client = try await TestDialer().dial(try way.dial(gateway.port))
      _ = try await client.message(ofType: "connection_established")
      try await client.setReading(reading)
    } catch {
      await gateway.server.stop()
      throw error
    }
    // Which ends it as well.
    await gateway.server.drain()
    let end = try await client.end()
    #expect(end.label == (way == .poll ? "lost" : "close_1012"))
  }

  @Test(arguments: Way.allCases)
  func `A port where nobody listens is a failed connect`(way: Way) async throws {
    let port = try await FreePort.find()
    let client = try await TestDialer().dial(try way.dial(port))
    #expect(try await client.end() == .connectFailed("Connection refused"))
  }

  @Test(arguments: Way.allCases)
  func `A certificate of a stranger is a failed connect`(way: Way) async throws {
    try await RealGateway.withTLS { gateway, certificates in
      let dialer = try await TestDialer(
        security: ClientSecurity(.init(authorityFile: certificates.otherAuthorityFile)))
      let client = try await dialer.dial(try way.dial(gateway.port, isSecure: true))
      let end = try await client.end()
      #expect(end.label == "connect_failed")
      #expect(end.message.contains("TLS handshake failed"))
    }
  }

  @Test func `An event that is refused has an error with its ref`() async throws {
    try await RealGateway.with { gateway in
      for way in Way.allCases {
        let client = try await TestDialer().dial(try way.dial(gateway.port))
        _ = try await client.message(ofType: "connection_established")
        try await client.send(#"{"type":"other","ref":5}"#, sequence: 5)
        let error = try await client.message(ofType: "error")
        #expect(error.text("code") == "unknown_type")
        #expect(error.number("ref") == 5)
        try await client.close()
      }
    }
  }

  @Test(arguments: [Way.webSocket, .compressed, .eventStream], [false, true])
  func `A client that reads on demand gets nothing before, then everything`(
    way: Way, isSecure: Bool
  ) async throws {
    func story(_ gateway: RealGateway, _ dialer: TestDialer) async throws {
      let idle = try await dialer.dial(try way.dial(gateway.port, isSecure: isSecure))
      _ = try await idle.message(ofType: "connection_established")
      try await idle.setReading(.onDemand)
      let quick = try await dialer.dial(try Way.webSocket.dial(gateway.port, isSecure: isSecure))
      _ = try await quick.message(ofType: "connection_established")
      // NIO may have asked for one more read before it was told.
      func publish(_ numbers: ClosedRange<Int>) async throws {
        for number in numbers {
          try await quick.send(
            #"{"type":"load","n":\#(number),"ref":\#(number),"text":"\#(Self.padding)"}"#)
          _ = try await quick.message(ofType: "ack")
        }
      }
      func hasRead(_ number: Int) -> Bool {
        idle.messages.contains { $0.contains(#""n":\#(number),"#) }
      }
      try await publish(1...1)
      try await eventually("the first publication is read") {
        try await idle.read()
        return hasRead(1)
      }
      try await publish(2...9)
      // Others ask NIO, which then reads as soon as something comes.
      if !isSecure, way != .eventStream { #expect(!hasRead(2)) }
      try await eventually("all is read") {
        try await idle.read()
        return (2...9).allSatisfy(hasRead)
      }
      try await idle.close()
      try await quick.close()
    }
    if isSecure {
      try await RealGateway.withTLS { gateway, certificates in
        let security = try ClientSecurity(.init(authorityFile: certificates.authorityFile))
        try await story(gateway, try await TestDialer(security: security))
      }
    } else {
      try await RealGateway.with { try await story($0, try await TestDialer()) }
    }
  }

  @Test(arguments: [Way.webSocket, .compressed, .overHTTP2])
  func `A client that stalls gets nothing meanwhile, and is cut as a slow consumer`(way: Way)
    async throws
  {
    try await RealGateway.with(limits: "{pending_bytes: 64KiB}") { gateway in
      let slow = try await TestDialer().dial(try way.dial(gateway.port))
      _ = try await slow.message(ofType: "connection_established")
      try await slow.setReading(.paused)
      let quick = try await TestDialer().dial(try Way.webSocket.dial(gateway.port))
      _ = try await quick.message(ofType: "connection_established")
      let before = slow.messages.count
      var random = SystemRandomNumberGenerator()
      let text = (0..<3_000).map { _ in String(random.next(), radix: 16) }.joined()
      // More than the buffers of both sockets hold, also compressed.
      for number in 0..<400 {
        try await quick.send(
          #"{"type":"load","ref":\#(number),"text":"\#(text)"}"#, sequence: UInt32(number))
        _ = try await quick.message(ofType: "ack")
      }
      #expect(slow.messages.count == before)
      try await slow.setReading(.atOnce)
      // The gateway waits for two seconds before it cuts a client that does not even read why.
      #expect(["close_4006", "lost"].contains(try await slow.end().label))
      try await quick.close()
    }
  }
}
