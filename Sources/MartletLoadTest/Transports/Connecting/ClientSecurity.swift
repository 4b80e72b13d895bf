import MartletTLS

/// TLS towards `wss://` targets: one context for each version of HTTP, because ALPN (RFC 7301) offers exactly the one that is spoken.
struct ClientSecurity: Sendable {
  let http1: TLSContext
  let http2: TLSContext

  /// - Throws: ``TLSError`` if the file of authorities cannot be used.
  init(_ security: Scenario.Security) throws(TLSError) {
    func context(_ applicationProtocol: String) throws(TLSError) -> TLSContext {
      try TLSContext.client(
        TLSClientConfiguration(
          certificateAuthorityFile: security.authorityFile,
          verifiesServer: security.verifiesServers, applicationProtocols: [applicationProtocol]))
    }
    http1 = try context("http/1.1")
    http2 = try context("h2")
  }
}
