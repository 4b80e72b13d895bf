/// How this side accepts TLS connections. Files are PEM.
package struct TLSServerConfiguration: Hashable, Sendable {
  /// For clients that ask for a name that nobody has, or for none.
  package var identity: TLSIdentity
  /// For clients that ask for one of their names. No name may be there twice.
  package var namedIdentities: [TLSIdentity] = []
  package var clientCertificates = ClientCertificates.none
  /// The authorities that may vouch for a client; there unless clients are not asked.
  package var clientAuthorityFile: String?
  /// In order of preference (ALPN, RFC 7301). A client that offers others only is refused; one that
  /// offers none is not. Empty: nothing is negotiated.
  package var applicationProtocols: [String] = []
  package var oldestVersion = TLSVersion.tls12
  package var ticketSecret = TicketSecret.ofProcess
  /// Lowered by tests.
  var newestVersion = TLSVersion.tls13

  package init(_ identity: TLSIdentity) {
    self.identity = identity
  }

  package init(certificateFile: String, privateKeyFile: String) {
    self.init(TLSIdentity(certificateFile: certificateFile, privateKeyFile: privateKeyFile))
  }

  /// All that has to be read again when it changes.
  var files: [String] {
    var files: [String] = []
    for identity in [identity] + namedIdentities {
      files += [identity.certificateFile, identity.privateKeyFile]
    }
    if let clientAuthorityFile { files.append(clientAuthorityFile) }
    if case .file(let file) = ticketSecret { files.append(file) }
    return files
  }
}
