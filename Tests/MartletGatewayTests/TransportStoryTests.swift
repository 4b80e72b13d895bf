import MartletCore
import MartletGateway
import MartletTestSupport
import Testing

/// The same stories on every transport, with two gateways on one Redis.
@Suite(.serialized) struct TransportStoryTests {
  private struct World {
    let redis: RedisServerProcess
    let gateways: [TestGateway]
    let path = "/ws/room/7/"

    /// A client of each transport at the first gateway.
    func joinAll() async throws -> [StoryClient] {
      var clients: [StoryClient] = []
      for transport in StoryTransport.allCases {
        clients.append(try await join(transport, at: 0))
      }
      return clients
    }

    func join(
      _ transport: StoryTransport, at gateway: Int, path: String? = nil,
      place: StoryClient.Place? = nil
    ) async throws -> StoryClient {
      try await StoryClient.join(
        transport, port: gateways[gateway].port, path ?? self.path, at: place)
    }

    func publish(_ numbers: ClosedRange<Int>, at gateway: Int = 1) async throws {
      try await World.publish(numbers, at: gateways[gateway])
    }

    static func publish(_ numbers: ClosedRange<Int>, at gateway: TestGateway) async throws {
      for number in numbers {
        _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":\#(number)}"#)
      }
    }
  }

  /// - Parameter firstStops: the body stops the first gateway.
  private func with(
    firstStops: Bool = false, _ body: (World) async throws -> Void
  ) async throws {
    let redis = try await RedisServerProcess.start()
    let yaml = """
      listen: 127.0.0.1:0
      admin: 127.0.0.1:0
      loops: 1
      api_keys: [\(TestGateway.apiKey)]
      limits: {drain_timeout: 1s}
      backplane:
        kind: redis
        redis: {servers: ["redis://\(redis.server)"], publish_timeout: 1s, publish_wait: 100ms}
      routes:
        - path: /ws/room/{room}/
          group: room_{room}
          access: {anonymous: true}
          history: {size: 100, ttl: 1m}
          events: {chat_message: {}}
      """
    let first = try await TestGateway.start(yaml: yaml)
    let second = try await TestGateway.start(yaml: yaml)
    try await second.run { second in
      for gateway in [first, second] {
        try await eventually("a gateway is ready") {
          try await HTTPTestClient.request(port: gateway.adminPort, "/readyz").status == 200
        }
      }
      let world = World(redis: redis, gateways: [first, second])
      if firstStops { return try await body(world) }
      try await first.run { _ in try await body(world) }
    }
  }

  private func expect(
    _ numbers: ClosedRange<Int>, _ client: StoryClient,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    for number in numbers {
      let event = try await client.event()
      #expect(
        event == .publication(number), "\(client.transport)", sourceLocation: sourceLocation)
    }
  }

  @Test func `Who joins sees what all others publish, and goes on elsewhere without a gap`()
    async throws
  {
    try await with { world in
      let clients = try await world.joinAll()
      for (index, client) in clients.enumerated() {
        #expect(client.isRecovered == nil)
        try await client.publish(index + 1)
        for other in clients { try await expect((index + 1)...(index + 1), other) }
      }
      for client in clients { try await client.leave() }
      try await world.publish(5...9)
      for client in clients {
        let again = try await world.join(client.transport, at: 1, place: client.place)
        #expect(again.isRecovered == true, "\(client.transport)")
        try await expect(5...9, again)
        try await again.leave()
      }
    }
  }

  @Test func `Who has missed what is kept no more is told so, and goes on`() async throws {
    try await with { world in
      let clients = try await world.joinAll()
      for client in clients { try await client.leave() }
      // Redis trims in steps: more than the history by far.
      try await world.publish(1...400)
      var returned: [StoryClient] = []
      for client in clients {
        let again = try await world.join(client.transport, at: 1, place: client.place)
        #expect(again.isRecovered == false && again.place.offset == 400, "\(client.transport)")
        returned.append(again)
      }
      try await world.publish(401...402, at: 0)
      for client in returned { try await expect(401...402, client) }
    }
  }

  @Test func `Everybody is told when Redis comes back empty`() async throws {
    try await with { world in
      let clients = try await world.joinAll()
      try await world.publish(1...3)
      for client in clients { try await expect(1...3, client) }
      world.redis.kill()
      try await world.redis.restart()
      try await eventually("the gateway publishes again") {
        (try? await world.publish(4...4)) != nil
      }
      for client in clients {
        var events: [StoryClient.Event] = []
        repeat { events.append(try await client.event()) } while events.last != .missed
        #expect(events == [.missed], "\(client.transport)")
      }
    }
  }

  @Test
  func `While Redis is away who comes to a group with members is served, others are to come again`()
    async throws
  {
    try await with { world in
      var clients = try await world.joinAll()
      world.redis.freeze()
      for transport in StoryTransport.allCases {
        let refused = await #expect(throws: StoryClient.Refused.self, "\(transport)") {
          _ = try await world.join(transport, at: 0, path: "/ws/room/empty/")
        }
        #expect(refused?.code == (transport == .poll ? 503 : 4007), "\(transport)")
        // A poll has to bring all that was acknowledged.
        guard transport != .poll else { continue }
        clients.append(try await world.join(transport, at: 0))
      }
      world.redis.thaw()
      try await eventually("the gateway publishes again") {
        try await HTTPTestClient.request(port: world.gateways[1].adminPort, "/readyz").status == 200
      }
      try await world.publish(1...3)
      for client in clients { try await expect(1...3, client) }
    }
  }

  @Test func `Who is sent away by a gateway that stops misses nothing at the next one`()
    async throws
  {
    try await with(firstStops: true) { world in
      let clients = try await world.joinAll()
      let count = 60
      let (first, second) = (world.gateways[0], world.gateways[1])
      async let published: Void = World.publish(1...count, at: second)
      async let drained: Void = first.server.drain()
      for client in clients {
        var client = client
        var numbers: [Int?] = []
        while numbers.count < count {
          switch try await client.event() {
          case .publication(let number): numbers.append(number)
          case .missed: Issue.record("\(client.transport) is told that it missed something")
          case .ended(let code):
            #expect([1012, 503].contains(code), "\(client.transport)")
            client = try await world.join(client.transport, at: 1, place: client.place)
            #expect(client.isRecovered == true, "\(client.transport)")
          }
        }
        #expect(numbers == Array(1...count), "\(client.transport)")
        try await client.leave()
      }
      try await published
      await drained
    }
  }

  @Test(arguments: StoryTransport.allCases)
  func `No transport reaches across tenants`(transport: StoryTransport) async throws {
    let gateway = try await TestGateway.start(
      yaml: """
        listen: 127.0.0.1:0
        admin: 127.0.0.1:0
        tenants: {claim: org}
        auth: {clock_skew: 0s, tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]}
        routes:
          - path: /ws/room/{room}/
            group: room_{room}
            history: {size: 100, ttl: 1m}
            events: {chat_message: {}}
        """)
    try await gateway.run { gateway in
      func join(
        _ tenant: String, _ path: String = "/ws/room/7/", at place: StoryClient.Place? = nil
      ) async throws -> StoryClient {
        let token = try await TestGateway.token("ann", ["org": .string(tenant)])
        return try await StoryClient.join(
          transport, port: gateway.port, path, query: "token=\(token)", at: place)
      }
      let acme = try await join("acme")
      let beta = try await join("beta")
      try await acme.publish(1)
      try await expect(1...1, acme)
      try await beta.publish(2)
      // Had it seen the other's, it would have come first.
      try await expect(2...2, beta)
      #expect(acme.place.epoch != beta.place.epoch)
      // A position of the other tenant's is of no use.
      let stranger = try await join("beta", at: acme.place)
      #expect(stranger.isRecovered == false)
      // Nor is a name that looks like the other's.
      let hostile = try? await join("beta", "/ws/room/7%2F..%2Facme%2Froom_7/", at: acme.place)
      #expect(hostile?.isRecovered != true)
      for path in ["", "&tenant=acme", "&group=acme/room_7"] {
        let token = try await TestGateway.token("ann", ["org": .string("beta")])
        let other = try await StoryClient.join(
          transport, port: gateway.port, "/ws/room/7/", query: "token=\(token)\(path)")
        #expect(other.place == beta.place, "\(path)")
      }
    }
  }
}
