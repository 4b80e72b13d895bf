import MartletTestSupport
import Testing

@testable import MartletTLS

/// All tests of TLS; they share one set of certificates, because making it takes longer than using it.
@Suite(.withCertificates) enum TLSTests {}

/// Makes ``TestCertificates`` for a suite, and removes them when it has ended.
struct CertificatesTrait: SuiteTrait, TestScoping {
  @TaskLocal static var current: TestCertificates?

  func provideScope(
    for test: Test, testCase: Test.Case?,
    performing function: @concurrent @Sendable () async throws -> Void
  ) async throws {
    try await Self.$current.withValue(try await .make()) { try await function() }
  }
}

extension Trait where Self == CertificatesTrait {
  static var withCertificates: Self { CertificatesTrait() }
}

extension TestCertificates {
  /// Those of the suite that runs.
  static var ofSuite: TestCertificates {
    guard let current = CertificatesTrait.current else {
      preconditionFailure("the suite has no certificates")
    }
    return current
  }
}

extension TLSServerConfiguration {
  init(_ identity: TestCertificates.Identity) {
    self.init(
      certificateFile: identity.certificateFile, privateKeyFile: identity.privateKeyFile)
  }
}

extension TLSContext {
  /// A client's, of the suite's certificates.
  static func testClient(
    as identity: TestCertificates.Identity? = nil, newestVersion: TLSVersion = .tls13,
    offering protocols: [String] = []
  ) throws -> TLSContext {
    var configuration = TLSClientConfiguration(
      certificateAuthorityFile: TestCertificates.ofSuite.authorityFile,
      certificateFile: identity?.certificateFile, privateKeyFile: identity?.privateKeyFile,
      applicationProtocols: protocols)
    configuration.newestVersion = newestVersion
    return try .client(configuration)
  }

  /// A server's, of the suite's certificates.
  static func testServer(
    _ identity: TestCertificates.Identity? = nil, protocols: [String] = [],
    clientAuthority: String? = nil, clients: ClientCertificates = .required
  ) throws -> TLSContext {
    var configuration = TLSServerConfiguration(identity ?? TestCertificates.ofSuite.server)
    configuration.applicationProtocols = protocols
    if clientAuthority != nil { configuration.clientCertificates = clients }
    configuration.clientAuthorityFile = clientAuthority
    return try .server(configuration)
  }
}
