/// Some of a group's users, ordered by ``PresenceMember/lastSeen``, the latest first.
package struct MemberPage: Equatable, Sendable {
  /// Of all pages together.
  package var count: Int
  package var members: [PresenceMember]
  /// Where the next page begins; nil if there is none.
  package var next: Cursor?

  package init(count: Int, members: [PresenceMember], next: Cursor?) {
    self.count = count
    self.members = members
    self.next = next
  }

  /// Which page.
  package struct Request: Hashable, Sendable {
    /// The most members.
    package var limit: Int
    /// Nil: the first page.
    package var after: Cursor?
    /// With more users than this the answer is their count alone.
    package var cap: Int
    /// The most members of a page.
    package static let maximumLimit = 1_000

    package init(limit: Int, after: Cursor? = nil, cap: Int = .max) {
      self.limit = min(limit, Self.maximumLimit)
      self.after = after
      self.cap = cap
    }
  }

  /// The last member of a page. Somebody who is active while pages are turned moves to the first one.
  package struct Cursor: Hashable, Sendable {
    package var lastSeen: Int64
    package var userID: String

    package init(lastSeen: Int64, userID: String) {
      self.lastSeen = lastSeen
      self.userID = userID
    }

    /// `MILLISECONDS.USER`; nil if `text` is something else.
    package init?(text: String) {
      let parts = text.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2, let lastSeen = Int64(parts[0]), lastSeen >= 0, !parts[1].isEmpty
      else { return nil }
      self.init(lastSeen: lastSeen, userID: String(parts[1]))
    }

    package var text: String { "\(lastSeen).\(userID)" }
  }
}
