internal import MartletCore

/// What the members of a group get to see of one of them.
struct MemberProfile: Hashable, Sendable {
  /// The most metas that are shown; of a user with more connections, those of the latest.
  static let maximumMetas = 16

  var user: User
  /// Milliseconds since 1970.
  var joinedAt: Int64
  /// JSON objects, of different content each, that of the connection that joined first coming first. Empty ones are left out.
  var metas: [String]

  /// `{"id":…,"name":…,"joined_at":…,"metas":[…]}`
  var json: String {
    String(user.json.dropLast())
      + #","joined_at":\#(joinedAt),"metas":[\#(metas.joined(separator: ","))]}"#
  }
}
