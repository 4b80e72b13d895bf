package import NIOCore

/// How long a reader waits before it asks for more. A value; time is an argument.
///
/// Every read costs Redis, and every batch costs the members of a group: when entries come in quick succession it pays to
/// let a few gather. Idle: no wait, lowest latency. Busy: a short one.
package struct LingerPolicy: Sendable {
  /// A wake-up this soon after the end of the last wait is part of a burst.
  package static let burstGap = TimeAmount.milliseconds(3)
  /// A burst of this many wake-ups is busy.
  package static let busyAfter = 3
  /// Wait while busy.
  package static let linger = TimeAmount.milliseconds(2)
  /// Replies within this time were asked for together: one wake-up.
  package static let sameWakeUp = TimeAmount.microseconds(300)
  /// How many entries of one wake-up are many.
  package static let manyEntries = 64

  /// Whether all streams are to be read again and again, instead of those that have changed.
  package private(set) var isBusy = false
  private let longest: TimeAmount
  private let busyEntries: Int
  private var lastWakeUp: NIODeadline?
  private var lastWait = TimeAmount.zero
  private var entries = 0
  private var burst = 0

  /// - Parameters:
  ///   - longest: the wait while wake-ups bring many entries each; no wait is longer. Zero: never wait.
  ///   - streams: how many streams are read. When a wake-up brings an entry for each fourth of them, reading all costs
  ///     less than being told which have changed; until one brings less than half of that.
  package init(longest: TimeAmount = .milliseconds(5), streams: Int = 1) {
    self.longest = longest
    self.busyEntries = max(streams / 4, 4)
  }

  /// Call with each reply that brings entries; answers how long to wait before the next read.
  package mutating func wait(afterReceiving count: Int, now: NIODeadline) -> TimeAmount {
    if let lastWakeUp, now - lastWakeUp <= Self.sameWakeUp {
      entries += count
    } else {
      // The wait itself does not make a burst slower than it is.
      let isBurst = lastWakeUp.map { now - $0 <= Self.burstGap + lastWait } ?? false
      burst = isBurst ? burst + 1 : 0
      entries = count
      lastWakeUp = now
    }
    if entries >= busyEntries, longest > .zero { isBusy = true }
    if entries >= Self.manyEntries {
      lastWait = longest
    } else {
      lastWait = burst >= Self.busyAfter ? min(Self.linger, longest) : .zero
    }
    return lastWait
  }

  /// Between two reads of all streams.
  package var pace: TimeAmount { max(lastWait, min(Self.linger, longest)) }

  /// Call when all streams were read, with what they brought.
  package mutating func polled(_ entries: Int) {
    if entries < busyEntries / 2 { isBusy = false }
  }
}
