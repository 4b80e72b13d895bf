import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// Who trusts whom.
  @Suite struct CertificateTests {
    private let certificates = TestCertificates.ofSuite

    private func expectRefusal(
      _ context: TLSContext, by client: TLSContext, serverName: String = "localhost",
      _ reason: String
    ) throws {
      let pair = try TLSPair(client, context, serverName: serverName)
      let write = pair.client.send("secret")
      try pair.connect()
      #expect(
        pair.client.journal.entries == [
          .error(.handshake("certificate verify failed: \(reason)")), .inactive,
        ])
      #expect(throws: TLSError.self) { try write.wait() }
      // The server learns it from an alert, and nothing else from the client.
      guard case .error(.handshake(let alert))? = pair.server.journal.entries.first else {
        Issue.record("\(pair.server.journal.entries)")
        return
      }
      #expect(alert.hasPrefix("the peer refuses: "))
      #expect(pair.server.journal.text.isEmpty)
      #expect(!pair.server.isOpen && !pair.client.isOpen)
    }

    @Test func `A certificate of an unknown authority is refused`() throws {
      try expectRefusal(
        .testServer(certificates.stranger), by: .testClient(),
        "unable to get local issuer certificate")
    }

    @Test func `The system's authorities do not know a certificate made here`() throws {
      try expectRefusal(
        .testServer(), by: .client(TLSClientConfiguration()),
        "unable to get local issuer certificate")
    }

    @Test func `A certificate whose time is over is refused`() throws {
      try expectRefusal(
        .testServer(certificates.expiredServer), by: .testClient(),
        "certificate has expired")
    }

    @Test func `A certificate for another name is refused`() throws {
      try expectRefusal(
        .testServer(certificates.otherNameServer), by: .testClient(), "hostname mismatch")
    }

    @Test func `A common name is no name to rely on`() throws {
      try expectRefusal(
        .testServer(certificates.commonNameServer), by: .testClient(), "hostname mismatch")
    }

    @Test func `A certificate for another address is refused`() throws {
      try expectRefusal(
        .testServer(), by: .testClient(), serverName: "127.0.0.2",
        "IP address mismatch")
    }

    @Test func `A client's certificate is no server's`() throws {
      try expectRefusal(
        .testServer(certificates.client), by: .testClient(),
        "unsuitable certificate purpose")
    }

    @Test func `A client that does not verify takes any certificate`() throws {
      let client = try TLSContext.client(TLSClientConfiguration(verifiesServer: false))
      let pair = try TLSPair(client, .testServer(certificates.otherNameServer))
      try pair.connect()
      #expect(pair.client.journal.handshake?.version == .tls13)
    }

    @Test func `A chain leads to the authority`() throws {
      let pair = try TLSPair(
        .testClient(), .testServer(certificates.chainedServer))
      try pair.connect()
      #expect(pair.client.journal.handshake != nil && pair.client.isOpen)
    }

    // MARK: Mutual TLS

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A client with a certificate is let in`(version: TLSVersion) throws {
      let pair = try TLSPair(
        .testClient(as: certificates.client, newestVersion: version),
        .testServer(clientAuthority: certificates.authorityFile))
      pair.client.send("hello")
      try pair.connect()
      #expect(pair.server.journal.text == "hello")
      #expect(pair.client.journal.handshake?.version == version)
    }

    @Test func `A client without a certificate is refused`() throws {
      let pair = try TLSPair(
        .testClient(), .testServer(clientAuthority: certificates.authorityFile))
      pair.client.send("hello")
      try pair.connect()
      #expect(
        pair.server.journal.entries == [
          .error(.handshake("peer did not return a certificate")), .inactive,
        ])
      // TLS 1.3: the client has completed its side before it is refused.
      #expect(
        pair.client.journal.errors == [
          .connection("the peer refuses: tlsv13 alert certificate required")
        ])
      #expect(!pair.client.isOpen && pair.server.journal.text.isEmpty)
    }

    @Test func `With TLS 1.2 a client learns of its refusal in the handshake`() throws {
      let pair = try TLSPair(
        .testClient(newestVersion: .tls12),
        .testServer(clientAuthority: certificates.authorityFile))
      try pair.connect()
      #expect(
        pair.client.journal.entries == [
          .error(.handshake("the peer refuses: handshake failure")), .inactive,
        ])
    }

    @Test func `A client with a stranger's certificate is refused`() throws {
      let pair = try TLSPair(
        .testClient(as: certificates.stranger),
        .testServer(clientAuthority: certificates.authorityFile))
      try pair.connect()
      #expect(
        pair.server.journal.entries == [
          .error(
            .handshake("certificate verify failed: unable to get local issuer certificate")),
          .inactive,
        ])
      #expect(pair.client.journal.errors == [.connection("the peer refuses: unknown CA")])
    }
  }
}
