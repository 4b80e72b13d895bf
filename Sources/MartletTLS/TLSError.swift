/// Why TLS cannot be set up, or why a connection with TLS has ended.
package enum TLSError: Error, Hashable, CustomStringConvertible {
  /// Wrong settings. `file`: the one that is to blame, if it is one.
  case configuration(file: String? = nil, problem: String)
  /// The handshake has failed: wrong certificate, nothing in common, not TLS at all.
  case handshake(String)
  /// The connection has failed after its handshake: forged bytes, or an alert of the peer. With TLS 1.3
  /// a server refuses a client's certificate when the client has completed its handshake already.
  case connection(String)
  /// The transport has ended without close_notify: the last bytes may have been cut off
  /// (RFC 8446 §6.1).
  case truncated

  package var description: String {
    switch self {
    case .configuration(let file?, let problem): "\(file): \(problem)"
    case .configuration(nil, let problem): problem
    case .handshake(let reason): "TLS handshake failed: \(reason)"
    case .connection(let reason): "TLS connection failed: \(reason)"
    case .truncated: "TLS connection ended without close_notify"
    }
  }
}
