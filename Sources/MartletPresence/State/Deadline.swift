/// Something to look at when its time has come. What was called off meanwhile is found out then.
struct Deadline<Subject: Sendable>: Comparable, Sendable {
  /// In time of a ``PresenceClock``.
  var time: Duration
  var subject: Subject

  static func < (left: Self, right: Self) -> Bool { left.time < right.time }
  static func == (left: Self, right: Self) -> Bool { left.time == right.time }
}
