import MartletConfiguration
import MartletCore
import MartletTestSupport
import Testing

@testable import MartletAccess

/// A hook that asks a real server.
@Suite struct AccessHookTests {
  private struct World {
    let server: ScriptedHTTPServer
    let access: AccessControl

    var statistics: AccessStatistics.Hook { access.statistics.hook ?? AccessStatistics.Hook() }
    func count(_ outcome: HookOutcome) -> Int { statistics.outcomes[outcome] ?? 0 }
  }

  private func with(
    _ reply: ScriptedHTTPServer.Reply,
    _ change: (inout Configuration.Hook) -> Void = { _ in }, _ body: (World) async throws -> Void
  ) async throws {
    try await ScriptedHTTPServer.with(reply) { server in
      let access = try await AccessControl(
        try auth(server.port, change), file: "m.yaml", logger: Example.logger)
      access.start()
      do {
        try await body(World(server: server, access: access))
      } catch {
        await access.shutdown()
        throw error
      }
      await access.shutdown()
    }
  }

  private func auth(
    _ port: Int, _ change: (inout Configuration.Hook) -> Void = { _ in }
  ) throws -> Configuration.Auth {
    var hook = Configuration.Hook(
      url: try #require(HTTPURL("http://127.0.0.1:\(port)/martlet/access?v=1")))
    change(&hook)
    var auth = Configuration.Auth()
    auth.hook = hook
    return auth
  }

  @Test func `The back end is asked, and decides`() async throws {
    let change = { (hook: inout Configuration.Hook) in hook.secret = "a-secret-of-16-bytes" }
    try await with(.silence, change) { world in
      world.server.script { request in
        let user = try? request.json().text("user.id")
        return .json(user == "u1" ? #"{"allow":true}"# : #"{"allow":false,"reason":"banned"}"#)
      }
      #expect(await world.access.permits(Example.join()) == .allowed)
      #expect(await world.access.permits(Example.join("u2")) == .denied(reason: "banned"))
      let request = try #require(world.server.requests.first)
      #expect(request.method == "POST" && request.target == "/martlet/access?v=1")
      #expect(request.headers["authorization"] == "Bearer a-secret-of-16-bytes")
      #expect(request.headers["content-type"] == "application/json")
      #expect(try request.json().text("event") == "join")
      #expect(world.count(.allowed) == 1 && world.count(.denied) == 1)
      #expect(world.statistics.requestTime > .zero)
    }
  }

  @Test func `Without a secret none is sent`() async throws {
    try await with(.json(#"{"allow":true}"#)) { world in
      #expect(await world.access.permits(Example.join()) == .allowed)
      #expect(world.server.requests[0].headers["authorization"] == nil)
    }
  }

  @Test func `What a route does not want to be asked is allowed at once`() async throws {
    try await with(.json(#"{"allow":false}"#)) { world in
      let group = Example.group
      let question = AccessQuestion.join(
        Example.subject(), Example.route([.connect, .publish]), group)
      #expect(world.access.look(question) == .allowed)
      #expect(await world.access.permits(question) == .allowed)
      #expect(world.server.requests.isEmpty)
    }
  }

  @Test func `Without a hook everything is allowed at once`() async throws {
    let access = try await AccessControl(
      Configuration.Auth(), file: "m.yaml", logger: Example.logger)
    #expect(access.look(Example.join()) == .allowed)
    #expect(access.statistics.hook == nil && access.unreadiness().isEmpty)
    await access.shutdown()
  }

  @Test func `A kept answer is there at once, for its time`() async throws {
    try await with(.json(#"{"allow":true,"ttl":0.3}"#)) { world in
      let question = Example.join()
      #expect(world.access.look(question) == nil)
      #expect(await world.access.permits(question) == .allowed)
      #expect(world.access.look(question) == .allowed)
      #expect(world.server.requests.count == 1 && world.statistics.cacheHits == 1)
      try await eventually("the answer is forgotten") { world.access.look(question) == nil }
      #expect(await world.access.permits(question) == .allowed)
      #expect(world.server.requests.count == 2)
    }
  }

  @Test func `No more answers are kept than allowed`() async throws {
    let change = { (hook: inout Configuration.Hook) in hook.cacheSize = 5 }
    try await with(.json(#"{"allow":true,"ttl":600}"#), change) { world in
      for user in 0..<20 {
        #expect(await world.access.permits(Example.join("u\(user)")) == .allowed)
      }
      #expect(world.statistics.cachedAnswers == 5)
      #expect(world.access.look(Example.join("u19")) == .allowed)
      #expect(world.access.look(Example.join("u14")) == nil)
    }
  }

  @Test func `A crowd with the same question asks once`() async throws {
    let change = { (hook: inout Configuration.Hook) in hook.timeout = .seconds(60) }
    try await with(.held(.json(#"{"allow":true}"#)), change) { world in
      let questions = (0..<200).map { Example.join(connection: "c\($0)") }
      try await withThrowingTaskGroup(of: AccessAnswer.self) { group in
        for question in questions { group.addTask { await world.access.permits(question) } }
        try await eventually("all wait, and one is asked") {
          world.statistics.waiting == 200 && world.server.requests.count == 1
        }
        world.server.release()
        for try await answer in group { #expect(answer == .allowed) }
      }
      #expect(world.server.requests.count == 1)
    }
  }

  @Test func `A crowd with different questions asks some at a time`() async throws {
    let change = { (hook: inout Configuration.Hook) in
      hook.concurrency = 3
      hook.queue = 10
      hook.timeout = .seconds(60)
    }
    try await with(.held(.json(#"{"allow":true}"#)), change) { world in
      let questions = (0..<15).map { Example.join("u\($0)") }
      try await withThrowingTaskGroup(of: AccessAnswer.self) { group in
        for question in questions { group.addTask { await world.access.permits(question) } }
        try await eventually("three are asked") { world.server.requests.count == 3 }
        try await eventually("five are turned away") { world.count(.queueFull) == 5 }
        #expect(world.statistics.asking == 3 && world.statistics.waiting == 10)
        try await eventually("all who were taken have their answer") {
          world.server.release()
          return world.count(.allowed) == 10
        }
        var answers: [AccessAnswer] = []
        for try await answer in group { answers.append(answer) }
        #expect(answers.count { $0 == .allowed } == 10)
        #expect(answers.count { $0 == .unavailable } == 5)
      }
      #expect(world.server.requests.count == 10)
    }
  }

  private static let failures: [(reply: ScriptedHTTPServer.Reply, outcome: HookOutcome)] = [
    (.silence, .timedOut), (.dripping, .timedOut), (.hangUp, .failed), (.status(500), .failed),
    (.status(403), .failed), (.status(204), .failed), (.json("no"), .failed),
    (.json(#"{"allow":"yes"}"#), .failed), (.raw("garbage\r\n\r\n"), .failed),
    (.json(#"{"allow":true,"x":""# + String(repeating: "x", count: 20_000) + #""}"#), .failed),
    (.answer(status: 307, headers: ["Location": "/yes"], body: #"{"allow":true}"#), .failed),
    (.answer(status: 201, headers: [:], body: #"{"allow":true}"#), .failed),
    (
      .answer(status: 200, headers: ["Content-Encoding": "gzip"], body: "\u{1f}\u{8b}"), .failed
    ),
  ]

  @Test(arguments: failures.indices)
  func `A failure lets nobody in`(index: Int) async throws {
    let (reply, outcome) = Self.failures[index]
    let change = { (hook: inout Configuration.Hook) in
      hook.timeout = outcome == .timedOut ? .milliseconds(200) : .seconds(60)
    }
    try await with(.silence, change) { world in
      world.server.script { request in
        request.target.hasPrefix("/yes") ? .json(#"{"allow":true}"#) : reply
      }
      #expect(await world.access.permits(Example.join()) == .unavailable)
      #expect(world.statistics.outcomes == [outcome: 1])
      #expect(world.server.requests.allSatisfy { $0.target.hasPrefix("/martlet/access") })
    }
  }

  @Test func `A back end that is not there lets nobody in, at once`() async throws {
    let access = try await AccessControl(
      try auth(try await FreePort.find()) { $0.timeout = .seconds(60) }, file: "m.yaml",
      logger: Example.logger)
    #expect(await access.permits(Example.join()) == .unavailable)
    #expect(access.statistics.hook?.outcomes == [.failed: 1])
    #expect(access.unreadiness().isEmpty)
    await access.shutdown()
  }

  @Test func `A connection that the back end has closed meanwhile is no failure`() async throws {
    let server = try await ScriptedHTTPServer.start { _ in .json(#"{"allow":true}"#) }
    let access = try await AccessControl(
      try auth(server.port), file: "m.yaml", logger: Example.logger)
    #expect(await access.permits(Example.join("u1")) == .allowed)
    await server.stop()
    let next = try await ScriptedHTTPServer.start(port: server.port) { _ in
      .json(#"{"allow":true}"#)
    }
    #expect(await access.permits(Example.join("u2")) == .allowed)
    await access.shutdown()
    await next.stop()
  }

  @Test func `The circuit opens, tries again, and closes`() async throws {
    let change = { (hook: inout Configuration.Hook) in
      hook.circuitFailures = 3
      hook.circuitOpen = .milliseconds(100)
    }
    try await with(.status(500), change) { world in
      for user in 0..<3 {
        #expect(await world.access.permits(Example.join("u\(user)")) == .unavailable)
      }
      #expect(world.statistics.circuitOpenings == 1)
      try await eventually("somebody was turned away, and one question has tried again in vain") {
        _ = await world.access.permits(Example.join("u4"))
        return world.count(.circuitOpen) >= 1 && world.statistics.circuitOpenings >= 2
      }
      // Each opening after the first one took one question.
      #expect(world.server.requests.count == world.statistics.circuitOpenings + 2)
      world.server.script(.json(#"{"allow":true}"#))
      try await eventually("the circuit is closed") {
        await world.access.permits(Example.join("u5")) == .allowed
      }
      #expect(world.statistics.circuit == .closed(failures: 0))
    }
  }

  @Test func `Whoever waits is let go when the gateway stops`() async throws {
    let change = { (hook: inout Configuration.Hook) in hook.timeout = .seconds(600) }
    try await with(.silence, change) { world in
      let question = Example.join()
      let asking = Task { await world.access.permits(question) }
      try await eventually("the back end is asked") { world.server.requests.count == 1 }
      await world.access.shutdown()
      #expect(await asking.value == .unavailable)
      #expect(await world.access.permits(question) == .unavailable)
    }
  }
}
