import MartletTestSupport
import MartletWebSocket
import Testing

/// Autobahn's cases against the program, over TCP (cluster/README.md). Of 9 the sizes and counts are a sixteenth, but for
/// messages of 16 MiB; of 12 and 13 there are fewer messages: see ``AutobahnPlayer/isFull``.
@Suite(.serialized) struct AutobahnConformanceTests {
  private static let groups: [(name: String, cases: [AutobahnCase])] = [
    ("1 Framing", AutobahnCase.framing), ("2 Pings and pongs", AutobahnCase.pings),
    ("3 Reserved bits", AutobahnCase.reservedBits), ("4 Opcodes", AutobahnCase.opcodes),
    ("5 Fragmentation", AutobahnCase.fragmentation), ("6 UTF-8", AutobahnCase.text),
    ("7 Closing", AutobahnCase.closing),
    (
      "9 Limits",
      AutobahnPlayer.isFull
        ? AutobahnCase.limits : AutobahnCase.limits(divisor: 16) + AutobahnCase.largest
    ),
    ("10 Automatic fragmentation", [AutobahnCase.automaticFragmentation]),
  ]

  @Test func `Autobahn 1 to 7, 9 and 10`() async throws {
    let gateway = try await EchoGateway.start()
    let player = AutobahnPlayer(port: gateway.port)
    for group in Self.groups {
      let problems = await player.problems(of: group.cases) { try await player.play($0) }
      #expect(problems == [], "\(group.name)")
    }
    #expect(gateway.isRunning)
  }

  @Test func `Autobahn 6.4: invalid text fails at once`() async throws {
    let gateway = try await EchoGateway.start()
    let player = AutobahnPlayer(port: gateway.port)
    for autobahn in AutobahnCase.failFast {
      let problem = try await player.playFailFast(
        autobahn.parts, isFragmented: autobahn.isFragmented)
      #expect(problem == nil, "\(autobahn.id)")
    }
  }

  @Test(arguments: [true, false])
  func `Autobahn 12 and 13, with context takeover and without`(contextTakeover: Bool) async throws {
    let gateway = try await EchoGateway.start(contextTakeover: contextTakeover)
    let player = AutobahnPlayer(port: gateway.port)
    let problems = await player.problems(
      of: AutobahnCompressionCase.contents + AutobahnCompressionCase.parameters
    ) {
      try await player.play($0, contextTakeover: contextTakeover)
    }
    #expect(problems == [])
    #expect(gateway.isRunning)
  }
}
