/// Whom a client's certificate names. An authority of the listener vouches for it.
package struct TLSClientCertificate: Hashable, Sendable {
  /// The whole subject as text (RFC 4514), such as `CN=client,O=Example`.
  package var subject: String
  /// The subject's last common name.
  package var commonName: String?
  /// The alternative names that are text (RFC 5280 §4.2.1.6), in the order of the certificate.
  package var hostNames: [String] = []
  package var emailAddresses: [String] = []
  package var uris: [String] = []

  package init(subject: String, commonName: String? = nil) {
    self.subject = subject
    self.commonName = commonName
  }
}
