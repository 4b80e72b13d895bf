import MartletTestSupport
import Testing

/// Some of Autobahn's cases of each group over the other transports: the frames are the same, what carries them is not.
@Suite(.serialized) struct TransportConformanceTests {
  private static let sample: Set<String> = [
    "1.1.1", "1.1.4", "1.1.8", "1.2.7", "2.4", "2.5", "2.6", "2.11", "3.2", "3.7", "4.1.3", "4.2.5",
    "5.1", "5.6", "5.8", "5.15", "5.19", "5.20", "6.2.3", "6.3.1", "6.3.2", "6.12.8", "6.20.7",
    "7.1.2", "7.1.5", "7.1.6", "7.3.1", "7.3.2", "7.3.6", "7.5.1", "7.7.13", "7.9.5", "7.13.2",
    "9.1.6", "9.2.3", "9.3.1", "9.4.5", "9.5.2", "9.7.6", "9.8.2", "10.1.1",
  ]
  private static let compressed: Set<String> = [
    "12.1.1", "12.2.10", "12.3.15", "12.4.16", "12.5.8", "13.1.5", "13.2.10", "13.3.12", "13.4.1",
    "13.5.18", "13.6.7", "13.7.11",
  ]

  private func play(_ gateway: EchoGateway, over transport: EchoTransport) async throws {
    let player = AutobahnPlayer(port: gateway.port, transport: transport)
    let all = [
      AutobahnCase.framing, AutobahnCase.pings, AutobahnCase.reservedBits, AutobahnCase.opcodes,
      AutobahnCase.fragmentation, AutobahnCase.text, AutobahnCase.closing,
      AutobahnCase.limits(divisor: 16), [AutobahnCase.automaticFragmentation],
    ].flatMap { $0 }
    let cases = all.filter { Self.sample.contains($0.id) }
    #expect(cases.count == Self.sample.count)
    var problems = await player.problems(of: cases) { try await player.play($0) }
    #expect(problems == [])
    let contents = AutobahnCompressionCase.contents + AutobahnCompressionCase.parameters
    let compressed = contents.filter { Self.compressed.contains($0.id) }
    #expect(compressed.count == Self.compressed.count)
    problems = await player.problems(of: compressed) {
      try await player.play($0, contextTakeover: true)
    }
    #expect(problems == [])
    for autobahn in AutobahnCase.failFast {
      let problem = try await player.playFailFast(
        autobahn.parts, isFragmented: autobahn.isFragmented)
      #expect(problem == nil, "\(autobahn.id)")
    }
    #expect(gateway.isRunning)
  }

  @Test func `Over TLS`() async throws {
    let certificates = try await TestCertificates.make()
    let gateway = try await EchoGateway.start(identity: certificates.server)
    try await play(gateway, over: .tls(authority: certificates.authorityFile))
  }

  @Test func `Over one connection of HTTP/2, by prior knowledge`() async throws {
    let gateway = try await EchoGateway.start()
    let connection = try await HTTP2EchoConnection.connect(port: gateway.port, authority: nil)
    try await play(gateway, over: .http2(connection))
    #expect(connection.isOpen, "what is wrong on one stream does no harm to the others")
    await connection.close()
  }

  @Test func `Over one connection of HTTP/2 behind TLS`() async throws {
    let certificates = try await TestCertificates.make()
    let gateway = try await EchoGateway.start(identity: certificates.server)
    let connection = try await HTTP2EchoConnection.connect(
      port: gateway.port, authority: certificates.authorityFile)
    try await play(gateway, over: .http2(connection))
    #expect(connection.isOpen, "what is wrong on one stream does no harm to the others")
    await connection.close()
  }
}
