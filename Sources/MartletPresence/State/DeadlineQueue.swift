internal import HeapModule

/// Things to look at when their time has come. What was called off meanwhile is found out then.
struct DeadlineQueue<Subject: Sendable>: Sendable {
  private var heap = Heap<Deadline<Subject>>()

  /// The next time at which something is due.
  var next: Duration? { heap.min?.time }

  mutating func insert(_ subject: Subject, at time: Duration) {
    heap.insert(Deadline(time: time, subject: subject))
  }

  /// Takes out one of those that are due, the earliest first.
  mutating func popDue(at time: Duration) -> Deadline<Subject>? {
    guard let next = heap.min, next.time <= time else { return nil }
    heap.removeMin()
    // A crowd that has come or gone leaves no room behind.
    if heap.isEmpty { heap = Heap() }
    return next
  }
}

/// Something to look at, and when.
struct Deadline<Subject: Sendable>: Comparable, Sendable {
  /// In time of a ``PresenceClock``.
  var time: Duration
  var subject: Subject

  static func < (left: Self, right: Self) -> Bool { left.time < right.time }
  static func == (left: Self, right: Self) -> Bool { left.time == right.time }
}
