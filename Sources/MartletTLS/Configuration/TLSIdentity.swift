/// What a listener shows to clients. Files are PEM.
package struct TLSIdentity: Hashable, Sendable {
  /// The certificate, followed by those that lead to its authority.
  package var certificateFile: String
  /// Not encrypted.
  package var privateKeyFile: String
  /// Whoever asks for one of these is shown it: `host.example`, or `*.example` for exactly one label in place of the
  /// asterisk. Without regard to case. Ignored for a listener's default identity.
  package var serverNames: [String]

  package init(certificateFile: String, privateKeyFile: String, serverNames: [String] = []) {
    self.certificateFile = certificateFile
    self.privateKeyFile = privateKeyFile
    self.serverNames = serverNames
  }
}
