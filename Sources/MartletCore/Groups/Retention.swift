/// How much of a group's history is kept.
package struct Retention: Hashable, Sendable {
  /// At least this many of the newest publications.
  package var size: Int
  /// For this long after the group's last publication.
  package var ttl: Duration

  package init(size: Int, ttl: Duration) {
    self.size = size
    self.ttl = ttl
  }
}
