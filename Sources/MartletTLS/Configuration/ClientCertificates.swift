/// Whether a listener wants clients to show a certificate (mutual TLS).
package enum ClientCertificates: String, Hashable, Sendable, CaseIterable {
  /// They are not asked.
  case none
  /// They may. One that no authority vouches for ends the handshake all the same.
  case optional
  /// Without one the handshake ends.
  case required
}
