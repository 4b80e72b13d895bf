import MartletTestSupport
import NIOCore
import Testing

@testable import MartletTLS

extension TLSTests {
  /// Several certificates on one listener (RFC 6066 §3).
  @Suite struct ServerNameTests {
    private let certificates = TestCertificates.ofSuite

    // MARK: Names

    private static let names: ServerNames = {
      guard
        let names = try? ServerNames([
          ["chat.example", "Other.Example."], ["*.example"], ["*.chat.example", "a.chat.example"],
        ])
      else { preconditionFailure("these are names") }
      return names
    }()

    @Test(
      arguments: [
        ("chat.example", 0), ("CHAT.Example", 0), ("chat.example.", 0), ("other.example", 0),
        ("x.example", 1), ("X.EXAMPLE", 1), ("a.chat.example", 2), ("b.chat.example", 2),
        ("example", nil), (".example", nil), ("b.a.chat.example", nil), ("elsewhere.test", nil),
        ("", nil), (".", nil), ("*.example", 1),
      ] as [(String, Int?)])
    func `A name is found whole, or by exactly one label for the asterisk`(
      name: String, identity: Int?
    ) {
      #expect(Self.names.identity(for: name) == identity)
    }

    @Test func `What is no name is refused`() {
      #expect(throws: TLSError.self) { try ServerNames([["fine.example"], ["no name"]]) }
    }

    @Test(arguments: [("a.example", "A.example."), ("*.example", "*.EXAMPLE")])
    func `A name that is there twice is refused`(one: String, other: String) {
      #expect(throws: TLSError.configuration(problem: "server name '\(other)' is there twice")) {
        try ServerNames([[one], [other]])
      }
    }

    @Test func `A certificate that nobody can ask for is refused`() {
      #expect(throws: TLSError.self) { try ServerNames([["a.example"], []]) }
    }

    // MARK: Handshakes

    private func identity(
      _ identity: TestCertificates.Identity, _ names: [String]
    ) -> TLSIdentity {
      TLSIdentity(
        certificateFile: identity.certificateFile, privateKeyFile: identity.privateKeyFile,
        serverNames: names)
    }

    private func listener(clients: ClientCertificates = .none) throws -> TLSContext {
      var configuration = TLSServerConfiguration(certificates.server)
      configuration.namedIdentities = [
        identity(certificates.chatServer, ["chat.example"]),
        identity(certificates.wildcardServer, ["*.wild.example"]),
      ]
      configuration.applicationProtocols = ["h2", "http/1.1"]
      configuration.clientCertificates = clients
      if clients != .none { configuration.clientAuthorityFile = certificates.authorityFile }
      return try .server(configuration)
    }

    @Test(
      arguments: [TLSVersion.tls12, .tls13],
      ["localhost", "127.0.0.1", "chat.example", "Chat.Example", "one.wild.example"])
    func `A client is shown the certificate of the name that it asks for`(
      version: TLSVersion, name: String
    ) throws {
      let pair = try TLSPair(
        .testClient(newestVersion: version, offering: ["http/1.1"]), listener(), serverName: name)
      pair.client.send("hello")
      try pair.connect()
      #expect(pair.client.journal.errors.isEmpty)
      #expect(pair.server.journal.text == "hello")
      let result = pair.server.journal.handshake
      #expect(result?.applicationProtocol == "http/1.1")
      #expect(result?.serverName == (name == "127.0.0.1" ? nil : name))
    }

    @Test(arguments: ["unknown.example", "two.labels.wild.example", "wild.example"])
    func `A client that asks for an unknown name is shown the default certificate`(
      name: String
    ) throws {
      let pair = try TLSPair(.testClient(), listener(), serverName: name)
      try pair.connect()
      #expect(
        pair.client.journal.errors == [
          .handshake("certificate verify failed: hostname mismatch")
        ])
      let trusting = try TLSContext.client(TLSClientConfiguration(verifiesServer: false))
      let other = try TLSPair(trusting, listener(), serverName: name)
      try other.connect()
      #expect(other.server.journal.handshake?.serverName == name)
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `Clients' certificates are demanded whatever name is asked for`(
      version: TLSVersion
    ) throws {
      for name in ["localhost", "chat.example"] {
        let refused = try TLSPair(
          .testClient(newestVersion: version), listener(clients: .required), serverName: name)
        try refused.connect()
        #expect(
          refused.server.journal.errors == [.handshake("peer did not return a certificate")])
        let pair = try TLSPair(
          .testClient(as: certificates.client, newestVersion: version),
          listener(clients: .required), serverName: name)
        try pair.connect()
        #expect(pair.server.journal.handshake?.clientCertificate?.commonName == "client")
      }
    }

    @Test(arguments: [TLSVersion.tls12, .tls13])
    func `A client comes back to a named certificate with its ticket`(version: TLSVersion) throws {
      let client = try TLSContext.testClient(newestVersion: version)
      let listener = try listener()
      let first = try TLSPair(client, listener, serverName: "chat.example")
      try first.connect()
      let ticket = try #require(first.client.handler.ticket)
      let second = try TLSPair(client, listener, serverName: "chat.example", resuming: ticket)
      try second.connect()
      let result = try #require(second.server.journal.handshake)
      #expect(result.isResumed && result.serverName == "chat.example")
    }
  }
}
