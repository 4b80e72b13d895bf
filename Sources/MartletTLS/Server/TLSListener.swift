package import Logging

/// TLS for the channels that a listener accepts.
package struct TLSListener: Sendable {
  /// The protocols of the web, the better one first (RFC 7301 §6, RFC 9113 §3.2).
  package static let applicationProtocols = ["h2", "http/1.1"]

  /// For looking at the files: regularly, and on a signal.
  package let context: ReloadingTLSContext

  /// - Throws: ``TLSError/configuration(file:problem:)``, naming the file that is to blame.
  package init(_ configuration: TLSServerConfiguration, logger: Logger) throws(TLSError) {
    context = try ReloadingTLSContext(configuration, logger: logger)
  }

  /// The first handler of a new channel, of the newest certificates. ``TLSHandshakeCompleted`` tells which protocol was
  /// chosen; there is no time limit for that here.
  package func makeHandler() -> TLSHandler {
    .server(context.current)
  }
}
