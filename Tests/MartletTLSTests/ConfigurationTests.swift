import Foundation
import MartletTestSupport
import Testing

@testable import MartletTLS

extension TLSTests {
  @Suite struct ConfigurationTests {
    private let certificates = TestCertificates.ofSuite

    private func expect(
      _ file: String?, _ problem: String, _ make: () throws -> TLSContext
    ) {
      #expect(throws: TLSError.configuration(file: file, problem: problem)) { try make() }
    }

    @Test func `A missing file is named`() {
      let server = certificates.server
      expect("/no/where.pem", "No such file or directory") {
        try .server(
          TLSServerConfiguration(
            certificateFile: "/no/where.pem", privateKeyFile: server.privateKeyFile))
      }
      expect("/no/where.key", "No such file or directory") {
        try .server(
          TLSServerConfiguration(
            certificateFile: server.certificateFile, privateKeyFile: "/no/where.key"))
      }
      expect("/no/authority.pem", "No such file or directory") {
        try .client(TLSClientConfiguration(certificateAuthorityFile: "/no/authority.pem"))
      }
      expect("/no/authority.pem", "No such file or directory") {
        var configuration = TLSServerConfiguration(server)
        configuration.clientCertificates = .optional
        configuration.clientAuthorityFile = "/no/authority.pem"
        return try .server(configuration)
      }
    }

    @Test(.disabled(if: geteuid() == 0, "root may read everything"))
    func `A file that may not be read is named`() throws {
      let file = try certificates.write("secret", to: "unreadable.pem")
      try FileManager.default.setAttributes([.posixPermissions: 0], ofItemAtPath: file)
      expect(file, "Permission denied") {
        try .client(TLSClientConfiguration(certificateAuthorityFile: file))
      }
    }

    @Test func `A file that is not PEM is named`() throws {
      let file = try certificates.write("This is no certificate.\n", to: "text.pem")
      let server = certificates.server
      expect(file, "no certificate or crl found") {
        try .client(TLSClientConfiguration(certificateAuthorityFile: file))
      }
      expect(file, "no start line") {
        try .server(
          TLSServerConfiguration(certificateFile: file, privateKeyFile: server.privateKeyFile))
      }
      expect(file, "unsupported") {
        try .server(
          TLSServerConfiguration(certificateFile: server.certificateFile, privateKeyFile: file))
      }
    }

    @Test func `A key that does not fit its certificate is named`() {
      let server = certificates.server
      for key in [certificates.client.privateKeyFile, certificates.ed25519KeyFile] {
        expect(key, "the key does not fit the certificate in \(server.certificateFile)") {
          try .server(
            TLSServerConfiguration(certificateFile: server.certificateFile, privateKeyFile: key))
        }
      }
    }

    @Test func `An encrypted key is refused, and nobody is asked for its password`() {
      expect(certificates.encryptedKeyFile, "the key is encrypted") {
        try .server(
          TLSServerConfiguration(
            certificateFile: certificates.server.certificateFile,
            privateKeyFile: certificates.encryptedKeyFile))
      }
    }

    @Test func `A client's certificate and key belong together`() {
      let client = certificates.client
      expect(client.certificateFile, "a certificate needs its private key file") {
        try .client(TLSClientConfiguration(certificateFile: client.certificateFile))
      }
      expect(client.privateKeyFile, "a private key needs its certificate file") {
        try .client(TLSClientConfiguration(privateKeyFile: client.privateKeyFile))
      }
    }

    @Test func `Clients are not asked for certificates that nobody can vouch for`() {
      for mode in [ClientCertificates.optional, .required] {
        expect(nil, "clients' certificates need a file of authorities") {
          var configuration = TLSServerConfiguration(certificates.server)
          configuration.clientCertificates = mode
          return try .server(configuration)
        }
      }
    }

    @Test func `Names of application protocols have 1 to 255 bytes`() throws {
      let longest = String(repeating: "x", count: 255)
      _ = try TLSContext.client(TLSClientConfiguration(applicationProtocols: [longest]))
      for name in ["", longest + "x"] {
        expect(nil, "application protocol '\(name)': its length must be 1 to 255") {
          try .client(TLSClientConfiguration(applicationProtocols: ["h2", name]))
        }
      }
      expect(nil, "too many application protocols") {
        try .client(
          TLSClientConfiguration(applicationProtocols: Array(repeating: longest, count: 256)))
      }
    }

    @Test func `Errors name the file first`() {
      let error = TLSError.configuration(file: "/etc/martlet/tls.key", problem: "no start line")
      #expect("\(error)" == "/etc/martlet/tls.key: no start line")
      #expect("\(TLSError.configuration(problem: "no")) " == "no ")
      #expect("\(TLSError.handshake("no"))" == "TLS handshake failed: no")
    }
  }
}
