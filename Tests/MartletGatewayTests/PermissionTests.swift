import Logging
import MartletAccess
import MartletBackplane
import MartletConfiguration
import MartletCore
import MartletTestSupport
import NIOCore
import NIOHTTP1
import NIOPosix
import Synchronization
import Testing

@testable import MartletGateway

/// What a client that was admitted may do later.
@Suite struct PermissionTests {
  private struct World {
    let backend: ScriptedHTTPServer
    let services: GatewayServices
    let loop: any EventLoop

    var permission: Permission { Permission(services: services) }
    var admission: Admission { Admission(services: services) }
    var now: Int64 { unixTime() }
  }

  private func with(
    _ reply: ScriptedHTTPServer.Reply = .json(#"{"allow":true}"#), tenants: String = "",
    _ body: (World) async throws -> Void
  ) async throws {
    try await ScriptedHTTPServer.with(reply) { backend in
      let yaml = """
        \(tenants)
        auth:
          tokens: [{algorithm: HS256, secret: "\(TestGateway.secret)"}]
          hook: {url: "http://127.0.0.1:\(backend.port)/", events: [join, publish]}
        routes:
          - path: /room/{room}
            group: room_{room}
            access: {claims: {rooms: {contains: "{room}"}}}
          - {path: /own, group: "user_{user.id}"}
          - {path: /quiet, group: quiet, access: {hook: []}}
        """
      let configuration = try Configuration(
        yaml: yaml, file: "test.yaml", environment: [:], readFile: { _ in nil })
      let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
      let access = try await AccessControl(
        configuration.auth, file: "test.yaml", logger: logger)
      let loop = NIOSingletons.posixEventLoopGroup.any()
      let services = GatewayServices(
        backplane: InMemoryBackplane(shards: ShardMap(count: 1), eventLoops: [loop]),
        presence: SilentPresence(loop), userQuota: InMemoryUserQuota(on: loop),
        configuration: configuration, access: access,
        incarnation: "n", loopCount: 1, logger: logger)
      do {
        try await body(World(backend: backend, services: services, loop: loop))
      } catch {
        await access.shutdown()
        throw error
      }
      await access.shutdown()
    }
  }

  private func subject(
    _ claims: String? = #"{"sub":"u1","rooms":[7]}"#, tenant: String? = nil
  ) -> AccessSubject {
    AccessSubject(
      connectionID: "c1", user: User(id: claims == nil ? "anonymous:c1" : "u1", name: nil),
      tenant: tenant.flatMap { TenantName($0) }, claimsText: claims, remoteAddress: nil)
  }

  /// What is known of a publication in the turn of the loop that asks; nil: nothing.
  private func atOnce(
    _ world: World, _ group: String, _ route: Route, event: @escaping @Sendable () -> String
  ) async throws -> Refusal?? {
    let (permission, subject, loop) = (world.permission, subject(), world.loop)
    return try await loop.submit {
      let told = Mutex<Refusal??>(nil)
      permission.publish(
        "chat", in: GroupName(trusted: group), route, by: subject, on: loop, event: event
      )
      .whenSuccess { refusal in told.withLock { $0 = .some(refusal) } }
      return told.withLock { $0 }
    }.get()
  }

  private func code<Success>(_ result: Result<Success, Refusal>) -> ErrorCode? {
    if case .failure(let refusal) = result { refusal.code } else { nil }
  }

  @Test func `A further group is joined if the rule and the back end allow it`() async throws {
    try await with { world in
      let entrance = try await world.permission.join("/room/7/", by: subject()).get()
      #expect(entrance.group.rawValue == "room_7" && entrance.variables == ["room": "7"])
      #expect(try world.backend.requests.map { try $0.json().text("group") } == ["room_7"])
      let own = try await world.permission.join("/own", by: subject(tenant: "acme")).get()
      #expect(own.group.rawValue == "acme/user_u1")
    }
  }

  @Test func `A further group is refused for a reason`() async throws {
    try await with(.json(#"{"allow":false}"#)) { world in
      #expect(code(await world.permission.join("/nowhere", by: subject())) == .notFound)
      #expect(code(await world.permission.join("/room/8", by: subject())) == .notPermitted)
      #expect(code(await world.permission.join("/own", by: subject(nil))) == .notPermitted)
      #expect(world.backend.requests.isEmpty)
      #expect(code(await world.permission.join("/room/7", by: subject())) == .notPermitted)
      world.backend.script(.status(500))
      #expect(code(await world.permission.join("/room/7", by: subject())) == .unavailable)
    }
  }

  @Test func `Where nobody is asked a publication is allowed at once`() async throws {
    try await with { world in
      let route = try #require(world.services.routing.match("/quiet")).route
      let told = try await atOnce(world, "quiet", route) {
        Issue.record("nobody wants to see the event")
        return ""
      }
      #expect(told == .some(nil))
    }
  }

  @Test func `A publication is asked about with its event`() async throws {
    try await with(.json(#"{"allow":false,"reason":"rude","ttl":60}"#)) { world in
      let route = try #require(world.services.routing.match("/own")).route
      let event = #"{"type":"chat","text":"!"}"#
      let refusal = try await world.permission.publish(
        "chat", in: GroupName(trusted: "user_u1"), route, by: subject(), on: world.loop
      ) { event }.get()
      #expect(refusal == Refusal(.notPermitted, "rude"))
      #expect(try world.backend.requests[0].json().text("publication.text") == "!")
      // The answer is kept, so that the next one is refused without waiting.
      let kept = try await atOnce(world, "user_u1", route) { event }
      #expect(kept == .some(Refusal(.notPermitted, "rude")))
    }
  }

  @Test func `A new token of the same user lets the client stay`() async throws {
    try await with { world in
      let token = try await TestGateway.token("u1", ["rooms": .array([.number(9)])])
      let renewal = try await world.permission.renew(token, by: subject(), now: world.now).get()
      #expect(renewal.expires >= world.now + 60 && renewal.subject.user.id == "u1")
      #expect(renewal.claims["rooms"] == .array([.number(9)]))
      let moved = await world.permission.join("/room/9", by: renewal.subject)
      #expect(code(moved) == nil)
    }
  }

  @Test func `A token of somebody else, a bad one, or one for an anonymous user is refused`()
    async throws
  {
    try await with(tenants: "tenants: {claim: org}") { world in
      let acme = subject(tenant: "acme")
      func renew(_ token: String, by subject: AccessSubject) async -> ErrorCode? {
        code(await world.permission.renew(token, by: subject, now: world.now))
      }
      let good = try await TestGateway.token("u1", ["org": .string("acme")])
      #expect(await renew(good, by: acme) == nil)
      #expect(await renew(good, by: subject(nil)) == .notPermitted)
      #expect(await renew("nonsense", by: acme) == .unauthorized)
      for (user, claims) in [
        ("u2", ["org": .string("acme")]), ("u1", ["org": .string("beta")]), ("u1", [:]),
      ] as [(String, [String: JSONValue])] {
        let other = try await TestGateway.token(user, claims)
        #expect(await renew(other, by: acme) == .notPermitted)
      }
    }
  }

  @Test func `Whoever needs nobody to be waited for is decided about at once`() async throws {
    try await with(.json(#"{"allow":true,"ttl":60}"#)) { world in
      func claim(_ path: String, _ token: String) throws -> Admission.Claim {
        let head = HTTPRequestHead(
          version: .http1_1, method: .GET, uri: "\(path)?token=\(token)")
        let match = try #require(world.services.routing.match(path[...]))
        let visitor = Admission.Visitor(connectionID: "c1", address: nil)
        guard case .token(let claim) = world.admission.look(head, match, from: visitor) else {
          throw NeverTrue(what: "a token has to be verified")
        }
        return claim
      }
      let token = try await TestGateway.token("u1")
      let quiet = world.admission.decideAtOnce(try claim("/quiet", token), now: world.now)
      guard case .admitted(let admitted) = quiet else {
        Issue.record("\(String(describing: quiet))")
        return
      }
      #expect(admitted.subject.user.id == "u1" && admitted.subject.claims["sub"] == .string("u1"))
      let bad = world.admission.decideAtOnce(try claim("/quiet", "a.b.c"), now: world.now)
      guard case .refused(.unauthenticated, nil) = bad else {
        Issue.record("\(String(describing: bad))")
        return
      }
      // The back end has to be asked; then its answer is here.
      let own = try claim("/own", token)
      #expect(world.admission.decideAtOnce(own, now: world.now) == nil)
      _ = await world.admission.decide(own, now: world.now)
      #expect(world.admission.decideAtOnce(own, now: world.now) != nil)
      #expect(world.backend.requests.count == 1)
    }
  }
}
