/// The inbound user event of a ``TLSHandler`` when its handshake is done. Application bytes follow it.
package struct TLSHandshakeCompleted: Hashable, Sendable {
  package var version: TLSVersion
  /// What both sides have agreed upon (RFC 7301); nil if one of them named no protocol.
  package var applicationProtocol: String?

  package init(version: TLSVersion, applicationProtocol: String?) {
    self.version = version
    self.applicationProtocol = applicationProtocol
  }
}
