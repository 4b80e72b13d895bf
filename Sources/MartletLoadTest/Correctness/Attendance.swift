/// When a client was a member, for what it is owed. Times are nanoseconds since the run began.
struct Attendance: Sendable, Equatable {
  /// Of its first join.
  var joined: UInt64
  /// When it left for good; nil: it has not.
  var left: UInt64?

  /// The publications of a publisher that a member is owed.
  ///
  /// - Parameters:
  ///   - due: of the publisher, until the end of the run.
  ///   - seen: past the last one that the member has received.
  ///   - firstFrom: the first publication that was due at a time or later.
  func owed(
    due: UInt32, seen: UInt32, underWay: UInt64, firstFrom: (UInt64) -> UInt32
  ) -> Range<UInt32> {
    let lower = min(due, joined == 0 ? 0 : firstFrom(joined))
    guard let left else { return lower..<due }
    // What was under way when it left is not owed, unless something later has come.
    let settled = firstFrom(left > underWay ? left - underWay : 0)
    return lower..<max(lower, min(due, max(settled, seen)))
  }
}
