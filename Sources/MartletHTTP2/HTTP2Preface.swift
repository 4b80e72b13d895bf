/// The bytes by which a client that knows the server begins HTTP/2 (RFC 9113 §3.4).
package enum HTTP2Preface {
  /// Whether a connection that begins with certain bytes speaks HTTP/2.
  package enum Match: Equatable, Sendable {
    case yes
    case no
    /// So far it could.
    case needMore
  }

  static let bytes = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)

  /// Looks at the first bytes of a connection; takes none of them.
  package static func matches(_ prefix: some Collection<UInt8>) -> Match {
    guard prefix.prefix(bytes.count).elementsEqual(bytes.prefix(prefix.count)) else { return .no }
    return prefix.count < bytes.count ? .needMore : .yes
  }
}
