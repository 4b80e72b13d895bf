/// How this side accepts TLS connections. Files are PEM.
package struct TLSServerConfiguration: Hashable, Sendable {
  /// This server's certificate, followed by those that lead to its authority.
  package var certificateFile: String
  /// Not encrypted.
  package var privateKeyFile: String
  /// The authorities that may vouch for a client; set: clients without a certificate are refused
  /// (mutual TLS); nil: clients are not asked for one.
  package var clientAuthorityFile: String?
  /// In order of preference (ALPN, RFC 7301). A client that offers others only is refused; one that
  /// offers none is not. Empty: nothing is negotiated.
  package var applicationProtocols: [String]
  /// Lowered by tests.
  var newestVersion = TLSVersion.tls13

  package init(
    certificateFile: String, privateKeyFile: String, clientAuthorityFile: String? = nil,
    applicationProtocols: [String] = []
  ) {
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.clientAuthorityFile = clientAuthorityFile
    self.applicationProtocols = applicationProtocols
  }
}
