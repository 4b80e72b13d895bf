/// The versions that are spoken. Older ones must not be (RFC 8996).
package enum TLSVersion: String, Hashable, Sendable {
  case tls12 = "TLSv1.2"
  case tls13 = "TLSv1.3"
}
