import MartletCore
import MartletTestSupport
import NIOHTTP1
import Testing

/// By what clients have come: docs/metrics.md.
@Suite struct TransportMetricsTests {
  private func sessions(_ gateway: TestGateway, _ transport: String) async throws -> Double? {
    try await gateway.metric("martlet_transport_sessions{transport=\"\(transport)\"}")
  }

  private func handshakes(_ gateway: TestGateway, _ outcome: String) async throws -> Double? {
    try await gateway.metric("martlet_tls_handshakes_total{outcome=\"\(outcome)\"}")
  }

  @Test func `Sessions are counted by their transport, while they last and for ever`()
    async throws
  {
    try await TestGateway.with { gateway in
      let transports = [
        (StoryTransport.webSocket, "ws"), (.webSocketOverHTTP2, "ws-h2"), (.eventStream, "sse"),
      ]
      for (number, (transport, label)) in transports.enumerated() {
        let client = try await StoryClient.join(
          transport, port: gateway.port, "/ws/room/\(number)/")
        #expect(try await sessions(gateway, label) == 1, "\(transport)")
        #expect(
          try await gateway.metric("martlet_http2_connections") == (label == "ws-h2" ? 1 : 0))
        try await client.leave()
        try await eventually("it is gone") { try await sessions(gateway, label) == 0 }
      }
      let start = try await StoryClient.join(.poll, port: gateway.port, "/ws/room/7/")
      async let event = start.event()
      try await eventually("the poll waits") { try await sessions(gateway, "poll") == 1 }
      _ = try await gateway.publish("room_7", #"{"type":"chat_message","n":1}"#)
      #expect(try await event == .publication(1))
      for (label, count) in [("ws", 1), ("ws-h2", 1), ("sse", 1), ("poll", 2)] {
        let name = "martlet_transport_sessions_opened_total{transport=\"\(label)\"}"
        #expect(try await gateway.metric(name) == Double(count), "\(label)")
      }
      #expect(try await gateway.metric("martlet_http2_connections_opened_total") == 1)
    }
  }

  @Test func `Handshakes of TLS are counted by how they ended`() async throws {
    let certificates = try await TestCertificates.make()
    let identity = certificates.server
    let gateway = try await TestGateway.start(
      """
      tls:
        certificate_file: \(identity.certificateFile)
        private_key_file: \(identity.privateKeyFile)
      """)
    try await gateway.run { gateway in
      let client = try await HTTP2TestClient.connect(
        port: gateway.port, authority: certificates.authorityFile)
      _ = try await client.request(.GET, "/poll/ws/room/7/")
      #expect(try await handshakes(gateway, "full") == 1)
      #expect(try await handshakes(gateway, "failed") == 0)
      _ = try? await HTTPTestClient.request(port: gateway.port, "/")
      try await eventually("it is counted") { try await handshakes(gateway, "failed") == 1 }
      #expect(try await handshakes(gateway, "resumed") == 0)
    }
  }
}
