import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// What a listener learns of its clients.
  @Suite struct ClientCertificateTests {
    private let certificates = TestCertificates.ofSuite

    @Test(
      arguments: [TLSVersion.tls12, .tls13],
      [ClientCertificates.optional, .required])
    func `The names of a verified certificate are told`(
      version: TLSVersion, mode: ClientCertificates
    ) throws {
      let pair = try TLSPair(
        .testClient(as: certificates.client, newestVersion: version),
        .testServer(clientAuthority: certificates.authorityFile, clients: mode))
      try pair.connect()
      var expected = TLSClientCertificate(subject: "CN=client", commonName: "client")
      expected.hostNames = ["client.example"]
      expected.emailAddresses = ["client@example.org"]
      expected.uris = ["spiffe://example/client"]
      #expect(pair.server.journal.handshake?.clientCertificate == expected)
      // A client does not look at itself, nor at the server this way.
      #expect(pair.client.journal.handshake?.clientCertificate == nil)
    }

    @Test func `A client that is not asked shows nothing`() throws {
      let pair = try TLSPair(
        .testClient(as: certificates.client),
        .testServer(clientAuthority: certificates.authorityFile, clients: .none))
      try pair.connect()
      let result = try #require(pair.server.journal.handshake)
      #expect(result.clientCertificate == nil)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A client that may show a certificate need not`(version: TLSVersion) throws {
      let pair = try TLSPair(
        .testClient(newestVersion: version),
        .testServer(clientAuthority: certificates.authorityFile, clients: .optional))
      pair.client.send("hello")
      try pair.connect()
      let result = try #require(pair.server.journal.handshake)
      #expect(result.clientCertificate == nil && pair.server.journal.text == "hello")
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A certificate that nobody vouches for is refused, also where none is needed`(
      version: TLSVersion
    ) throws {
      let pair = try TLSPair(
        .testClient(as: certificates.stranger, newestVersion: version),
        .testServer(clientAuthority: certificates.authorityFile, clients: .optional))
      try pair.connect()
      #expect(
        pair.server.journal.errors == [
          .handshake("certificate verify failed: unable to get local issuer certificate")
        ])
    }
  }
}
