/// The inbound user event of a ``TLSHandler`` when its handshake is done. Application bytes follow it.
package struct TLSHandshakeCompleted: Hashable, Sendable {
  package var version: TLSVersion
  /// What both sides have agreed upon (RFC 7301); nil if one of them named no protocol.
  package var applicationProtocol: String?
  /// The host that the client asked for (RFC 6066 §3); nil if it named none.
  package var serverName: String?
  /// Whether the handshake continued an earlier session, instead of beginning with certificates.
  package var isResumed: Bool
  /// On servers that ask for one: what the client has shown and an authority vouches for, also if it was shown in the session
  /// that this one continues. Nil: none.
  package var clientCertificate: TLSClientCertificate?

  package init(
    version: TLSVersion, applicationProtocol: String? = nil, serverName: String? = nil,
    isResumed: Bool = false, clientCertificate: TLSClientCertificate? = nil
  ) {
    self.version = version
    self.applicationProtocol = applicationProtocol
    self.serverName = serverName
    self.isResumed = isResumed
    self.clientCertificate = clientCertificate
  }
}
