package import NIOCore

/// How long a reader waits before it asks for more.
///
/// A blocked reader is woken once per entry; when entries come in quick succession it pays for Redis,
/// and for every member of a group, to let a few gather. Idle: no wait, lowest latency. Busy: a short one.
package struct LingerPolicy: Sendable {
  /// A wake-up this soon after the previous one is part of a burst.
  package static let burstGap = TimeAmount.milliseconds(3)
  /// A burst of this many wake-ups is busy.
  package static let busyAfter = 3
  /// Wait while busy.
  package static let linger = TimeAmount.milliseconds(2)
  /// Wait while wake-ups bring many entries each.
  package static let longLinger = TimeAmount.milliseconds(5)
  /// How many entries are many.
  package static let manyEntries = 64

  private var lastWakeUp: NIODeadline?
  private var lastWait = TimeAmount.zero
  private var burst = 0

  package init() {}

  /// Call with each non-empty reply; answers how long to wait before the next read.
  package mutating func wait(afterReceiving entries: Int, now: NIODeadline) -> TimeAmount {
    // The wait itself does not make a burst slower than it is.
    let isBurst = lastWakeUp.map { now - $0 <= Self.burstGap + lastWait } ?? false
    burst = isBurst ? burst + 1 : 0
    lastWakeUp = now
    if entries >= Self.manyEntries {
      lastWait = Self.longLinger
    } else {
      lastWait = burst >= Self.busyAfter ? Self.linger : .zero
    }
    return lastWait
  }
}
