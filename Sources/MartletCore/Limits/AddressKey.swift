/// What counts as one client's network address: an IPv4 address, or the first 64 bits of an IPv6 address, since a single host
/// commands the rest (RFC 4291 §2.5.1, RFC 6177).
package struct AddressKey: Hashable, Sendable {
  private let isIPv6: Bool
  private let bits: UInt64

  private static let mappedPrefix: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]

  /// - Parameter bytes: in network order, 4 or 16. An IPv4 address within IPv6 (RFC 4291 §2.5.5.2) is the former.
  /// - Returns: nil for another number of bytes.
  package init?(bytes: some Collection<UInt8>) {
    let isMapped = bytes.count == 16 && bytes.starts(with: Self.mappedPrefix)
    switch bytes.count {
    case 4: self.init(isIPv6: false, bytes)
    case 16 where isMapped: self.init(isIPv6: false, bytes.suffix(4))
    case 16: self.init(isIPv6: true, bytes.prefix(8))
    default: return nil
    }
  }

  private init(isIPv6: Bool, _ bytes: some Collection<UInt8>) {
    self.isIPv6 = isIPv6
    bits = bytes.reduce(0) { $0 << 8 | UInt64($1) }
  }
}
