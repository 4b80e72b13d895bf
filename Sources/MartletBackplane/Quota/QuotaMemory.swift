internal import MartletCore
internal import NIOCore

/// What a gateway need not ask Redis: who is refused until when, and which sites are away.
struct QuotaMemory {
  /// More refusals at a time are not remembered; they cost a question each.
  static let capacity = 100_000
  /// A site that did not answer is not asked for so long.
  static let pause = TimeAmount.seconds(1)

  private var refusals: [QuotaTable.Key: NIODeadline] = [:]
  private var pauses: [Int: NIODeadline] = [:]

  var refusalCount: Int { refusals.count }

  /// The answer that needs no question, or nil.
  mutating func refusal(of key: QuotaTable.Key, now: NIODeadline) -> QuotaAnswer? {
    guard let end = refusals[key] else { return nil }
    guard end > now else {
      refusals[key] = nil
      return nil
    }
    let milliseconds = ((end - now).nanoseconds + 999_999) / 1_000_000
    return .refused(retryAfterMilliseconds: Int(milliseconds))
  }

  mutating func refused(_ key: QuotaTable.Key, until end: NIODeadline, now: NIODeadline) {
    if refusals.count >= Self.capacity, refusals[key] == nil {
      refusals = refusals.filter { $0.value > now }
      guard refusals.count < Self.capacity else { return }
    }
    refusals[key] = end
  }

  func isPaused(_ site: Int, now: NIODeadline) -> Bool {
    pauses[site].map { $0 > now } ?? false
  }

  mutating func failed(_ site: Int, now: NIODeadline) {
    pauses[site] = now + Self.pause
  }
}
