/// The address of a group: 1 to 200 bytes of letters, digits and `_ - . : @ ~`, within its tenant.
///
/// The alphabet leaves out what has a meaning elsewhere: spaces (publication records), braces
/// (Redis hash tags), percent signs (URLs), and the slash, which ends the tenant: no name that somebody brings
/// leads to another tenant.
package struct GroupName: Hashable, Sendable, CustomStringConvertible {
  /// `NAME`, or `TENANT/NAME`: what the cluster knows the group by.
  package let rawValue: String

  /// The longest ``name``, in bytes.
  package static let maximumLength = 200

  /// A group of a cluster without tenants. Nil unless `name` keeps to the alphabet and length above.
  package init?(_ name: String) {
    self.init(tenant: nil, name: name)
  }

  /// Nil unless `name` keeps to the alphabet and length above.
  ///
  /// - Parameter tenant: nil in a cluster without tenants.
  package init?(tenant: TenantName?, name: String) {
    let bytes = name.utf8
    guard (1...Self.maximumLength).contains(bytes.count), bytes.allSatisfy(Self.allows) else {
      return nil
    }
    rawValue = tenant.map { "\($0)/\(name)" } ?? name
  }

  /// Takes the ``rawValue`` of another one, such as from a publication record, where it was checked on its way in.
  package init(trusted rawValue: String) {
    self.rawValue = rawValue
  }

  /// Nil in a cluster without tenants.
  package var tenant: TenantName? {
    separator.map { TenantName(trusted: String(rawValue[..<$0])) }
  }

  /// What clients and backends call the group. Does not allocate.
  package var name: Substring {
    guard let separator else { return rawValue[...] }
    return rawValue[rawValue.utf8.index(after: separator)...]
  }

  /// With the tenant, for keys, records and logs; clients and backends get to see ``name``.
  package var description: String { rawValue }

  private var separator: String.Index? { rawValue.utf8.firstIndex(of: TenantName.separator) }

  private static func allows(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"),
      UInt8(ascii: "."), UInt8(ascii: ":"), UInt8(ascii: "@"), UInt8(ascii: "~"):
      true
    default: false
    }
  }
}
