/// How this side opens TLS connections. Files are PEM.
package struct TLSClientConfiguration: Hashable, Sendable {
  /// The authorities that may vouch for a server; nil: those of the system.
  package var certificateAuthorityFile: String?
  /// This client's certificate, with its chain, for servers that ask for one; needs `privateKeyFile`.
  package var certificateFile: String?
  package var privateKeyFile: String?
  /// Off, anybody between the two sides can read and change everything. For tests.
  package var verifiesServer: Bool
  /// In order of preference (ALPN, RFC 7301); empty: none are offered.
  package var applicationProtocols: [String]
  /// Lowered by tests.
  var newestVersion = TLSVersion.tls13

  package init(
    certificateAuthorityFile: String? = nil, certificateFile: String? = nil,
    privateKeyFile: String? = nil, verifiesServer: Bool = true, applicationProtocols: [String] = []
  ) {
    self.certificateAuthorityFile = certificateAuthorityFile
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.verifiesServer = verifiesServer
    self.applicationProtocols = applicationProtocols
  }
}
