internal import COpenSSL

/// What seals and opens tickets in one period (RFC 5077 §4).
struct TicketKey: Hashable, Sendable {
  static let nameLength = 16
  private static let keyLength = 32

  /// Tells a ticket's reader which key it needs. Public.
  var name: [UInt8]
  var encryption: [UInt8]
  var authentication: [UInt8]

  /// Derives one that nobody without `secret` can (RFC 5869). Different `info` give keys that tell nothing of each other.
  init(secret: [UInt8], info: [UInt8]) {
    var bytes = [UInt8](repeating: 0, count: Self.nameLength + 2 * Self.keyLength)
    let status = unsafe martlet_HKDF(
      secret, secret.count, info, info.count, &bytes, bytes.count)
    precondition(status == 1, "OpenSSL has no HKDF")
    name = Array(bytes[..<Self.nameLength])
    encryption = Array(bytes[Self.nameLength...].prefix(Self.keyLength))
    authentication = Array(bytes.suffix(Self.keyLength))
  }
}
