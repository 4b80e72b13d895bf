import MartletConfiguration
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess

/// Keys that are fetched from a real server.
@Suite struct KeySetTests {
  private let issuer = Issuer("k1")

  @Test func `Tokens are verified with fetched keys`() async throws {
    let answer = Issuer.set(issuer.jwk())
    try await KeySetWorld.with(.json(answer)) { world in
      #expect(world.access.unreadiness().count == 1)
      try await world.start()
      #expect(try await world.error(issuer.token()) == nil)
      #expect(try await world.error(Issuer("k1").token()) == .badSignature)
      let requests = world.server.requests
      #expect(requests.map(\.target) == ["/jwks.json"] && requests.map(\.method) == ["GET"])
      let statistics = world.statistics
      #expect(statistics.keys == 1 && statistics.refreshes == 1 && statistics.failures == 0)
    }
  }

  @Test func `With the keys at hand nobody has to wait`() async throws {
    let answer = Issuer.set(issuer.jwk())
    try await KeySetWorld.with(.json(answer)) { world in
      let token = try await issuer.token()
      #expect(world.access.look(token, now: Example.now) == nil)
      try await world.start()
      let look = try #require(world.access.look(token, now: Example.now))
      #expect(try look.get().user.id == "u1")
    }
  }

  @Test func `Issuer and audience of the set are demanded`() async throws {
    let answer = Issuer.set(issuer.jwk())
    let change = { (set: inout Configuration.KeySet) in
      set.issuer = "i"
      set.audience = "a"
    }
    try await KeySetWorld.with(.json(answer), change) { world in
      try await world.start()
      let good = try await issuer.token(
        ["iss": .string("i"), "aud": .string("a")], keyID: "k1")
      #expect(await world.error(good) == nil)
      #expect(try await world.error(issuer.token()) == .badClaim("iss"))
      let elsewhere = try await issuer.token(
        ["iss": .string("i"), "aud": .string("b")], keyID: "k1")
      #expect(await world.error(elsewhere) == .badClaim("aud"))
    }
  }

  @Test func `A new key is fetched when the first token with it comes`() async throws {
    let next = Issuer("k2")
    let first = Issuer.set(issuer.jwk())
    let second = Issuer.set(next.jwk())
    try await KeySetWorld.with(.json(first)) { world in
      try await world.start()
      world.server.script(.json(second))
      #expect(try await world.error(next.token()) == nil)
      // The one that was withdrawn is gone.
      #expect(try await world.error(issuer.token()) == .noKey)
      #expect(world.server.requests.count == 2)
    }
  }

  @Test func `A new key without key id is fetched as well`() async throws {
    let next = Issuer("")
    let first = Issuer.set(issuer.jwk())
    let second = Issuer.set(next.jwk())
    try await KeySetWorld.with(.json(first)) { world in
      try await world.start()
      #expect(try await world.error(issuer.token(keyID: nil)) == nil)
      world.server.script(.json(second))
      #expect(try await world.error(next.token(keyID: nil)) == nil)
    }
  }

  @Test func `Whoever invents key ids makes the gateway ask once per interval`() async throws {
    let answer = Issuer.set(issuer.jwk())
    try await KeySetWorld.with(.json(answer)) { world in
      try await world.start()
      for number in 0..<50 {
        #expect(try await world.error(Issuer("x\(number)").token()) == .noKey)
      }
      #expect(world.server.requests.count == 2)
      // And nobody with a good token notices.
      #expect(try await world.error(issuer.token()) == nil)
    }
  }

  @Test func `After the interval it asks again`() async throws {
    let answer = Issuer.set(issuer.jwk())
    try await KeySetWorld.with(.json(answer), demandInterval: .milliseconds(1)) { world in
      try await world.start()
      let token = try await Issuer("x").token()
      try await eventually("there are four requests") {
        let error = await world.error(token)
        #expect(error == .noKey)
        return world.server.requests.count >= 4
      }
    }
  }

  @Test func `A token of another issuer is no reason to ask`() async throws {
    let answer = Issuer.set(issuer.jwk())
    let change = { (set: inout Configuration.KeySet) in set.issuer = "i" }
    try await KeySetWorld.with(.json(answer), change) { world in
      try await world.start()
      let other = try await Issuer("k2").token(["iss": .string("j")], keyID: "k2")
      #expect(await world.error(other) == .noKey)
      #expect(world.server.requests.count == 1)
    }
  }

  @Test func `A crowd with a new key asks once`() async throws {
    let next = Issuer("k2")
    let first = Issuer.set(issuer.jwk())
    let second = Issuer.set(issuer.jwk(), next.jwk())
    try await KeySetWorld.with(.json(first)) { world in
      try await world.start()
      world.server.script(.held(.json(second)))
      let token = try await next.token()
      try await withThrowingTaskGroup(of: TokenError?.self) { group in
        for _ in 0..<200 { group.addTask { await world.error(token) } }
        try await eventually("the set is asked for") { world.server.requests.count == 2 }
        world.server.release()
        for try await error in group { #expect(error == nil) }
      }
      #expect(world.server.requests.count == 2)
    }
  }

  @Test func `A gateway starts without its issuer and takes tokens once it is there`() async throws
  {
    let answer = Issuer.set(issuer.jwk())
    try await KeySetWorld.with(.status(503)) { world in
      world.access.start()
      let token = try await issuer.token()
      #expect(await world.error(token) == .keysUnavailable)
      #expect(TokenError.keysUnavailable.isTransient && !TokenError.noKey.isTransient)
      let reasons = world.access.unreadiness()
      #expect(reasons.count == 1 && reasons[0].contains("/jwks.json"))
      try await eventually("it tries again") { world.statistics.failures >= 2 }
      world.server.script(.json(answer))
      try await eventually("the token is good") { await world.error(token) == nil }
      #expect(world.access.unreadiness().isEmpty)
    }
  }

  @Test func `A port that nobody listens on fails nobody's start`() async throws {
    let port = try await FreePort.find()
    let access = try await AccessControl(
      KeySetWorld.auth(port), file: "m.yaml", logger: Example.logger)
    access.start()
    try await eventually("the fetch has failed") { access.statistics.keySets[0].failures >= 1 }
    await #expect(throws: TokenError.keysUnavailable) {
      try await access.verify(try await issuer.token(), now: Example.now)
    }
    await access.shutdown()
  }

  @Test func `Other keys do not wait for a set that is away`() async throws {
    try await ScriptedHTTPServer.with(.silence) { server in
      var auth = try KeySetWorld.auth(server.port)
      auth.tokenKeys = [Example.key()]
      let access = try await AccessControl(auth, file: "m.yaml", logger: Example.logger)
      access.start()
      #expect(access.look(Example.token(), now: Example.now) != nil)
      #expect(try await access.verify(Example.token(), now: Example.now).user.id == "u1")
      await access.shutdown()
    }
  }

  @Test func `While the issuer is away its keys stay, until they are too old`() async throws {
    let answer = Issuer.set(issuer.jwk())
    let change = { (set: inout Configuration.KeySet) in
      set.refresh = .milliseconds(50)
      set.staleFor = .seconds(1)
    }
    try await KeySetWorld.with(.json(answer), change) { world in
      try await world.start()
      let token = try await issuer.token()
      world.server.script(.hangUp)
      try await eventually("a refresh has failed") { world.statistics.failures >= 2 }
      #expect(await world.error(token) == nil)
      #expect(world.access.unreadiness().isEmpty)
      try await eventually("the keys are too old") {
        await world.error(token) == .keysUnavailable
      }
      #expect(world.access.unreadiness().first?.contains("too old") == true)
      world.server.script(.json(answer))
      try await eventually("they are here again") { await world.error(token) == nil }
    }
  }

  @Test func `Keys are fetched again in the background`() async throws {
    let answer = Issuer.set(issuer.jwk())
    let change = { (set: inout Configuration.KeySet) in set.refresh = .milliseconds(20) }
    try await KeySetWorld.with(.json(answer), change) { world in
      try await world.start()
      try await eventually("there were three refreshes") { world.statistics.refreshes >= 3 }
    }
  }

  /// What endpoints answer that must not end or replace anything.
  private static let bad: [ScriptedHTTPServer.Reply] = [
    .json("<html>"), .json(""), .json("[]"), .json("{}"), .json(#"{"keys":{}}"#),
    .json(#"{"keys":[]}"#), .json(#"{"keys":[1,null,"x",[]]}"#),
    .json(#"{"keys":[],"keys":[]}"#), .status(500), .status(204), .status(404), .hangUp,
    .raw("SSH-2.0-OpenSSH_9.2\r\n"),
    .answer(
      status: 302, headers: ["Location": "/elsewhere"], body: ""),
    .json(#"{"keys":["# + String(repeating: " ", count: 300 << 10) + "]}"),
    .raw("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{"), .dripping, .silence,
  ]

  @Test(arguments: bad.indices)
  func `A bad answer leaves the keys as they were`(index: Int) async throws {
    let answer = Issuer.set(issuer.jwk())
    // The last three take as long as one lets them.
    let change = { (set: inout Configuration.KeySet) in
      set.timeout = index >= Self.bad.count - 3 ? .milliseconds(300) : .seconds(60)
    }
    try await KeySetWorld.with(.json(answer), change) { world in
      try await world.start()
      let failures = world.statistics.failures
      world.server.script { request in
        request.target == "/jwks.json" ? Self.bad[index] : .json(answer)
      }
      #expect(try await world.error(Issuer("k2").token()) == .noKey)
      #expect(world.statistics.failures > failures && world.statistics.keys == 1)
      #expect(try await world.error(issuer.token()) == nil)
      // A redirect is not followed.
      #expect(world.server.requests.allSatisfy { $0.target == "/jwks.json" })
    }
  }

  @Test func `Whoever waits for keys is let go when the gateway stops`() async throws {
    let change = { (set: inout Configuration.KeySet) in set.timeout = .seconds(600) }
    try await KeySetWorld.with(.silence, change) { world in
      world.access.start()
      let token = try await issuer.token()
      let asking = Task { await world.error(token) }
      try await eventually("the set is asked for") { world.server.requests.count == 1 }
      await world.access.shutdown()
      #expect(await asking.value == .keysUnavailable)
    }
  }
}
