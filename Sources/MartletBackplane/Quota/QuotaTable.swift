internal import MartletCore

/// One process's counts. Bounded: users whose time is over are forgotten, and if there are too many others, all are.
struct QuotaTable {
  struct Key: Hashable {
    var user: UserKey
    var quota: Quota
  }

  /// More users within a period are not expected on one gateway.
  static let capacity = 200_000
  private static let smallestSweep = 1_024

  private var windows: [Key: QuotaWindow] = [:]
  /// With so many entries those whose time is over are looked for.
  private var sweepCount = smallestSweep

  var count: Int { windows.count }

  /// - Parameter now: of a monotonic clock, since any fixed moment.
  mutating func spend(_ key: Key, now: Duration) -> QuotaAnswer {
    if windows.count >= sweepCount, windows[key] == nil { sweep(now) }
    guard let wait = windows[key, default: QuotaWindow()].spend(key.quota, now: now) else {
      return .allowed
    }
    return .refused(retryAfterMilliseconds: wait.milliseconds)
  }

  private mutating func sweep(_ now: Duration) {
    windows = windows.filter { key, window in !window.isOver(key.quota.period, now: now) }
    if windows.count >= Self.capacity { windows = [:] }
    sweepCount = min(max(2 * windows.count, Self.smallestSweep), Self.capacity)
  }
}

extension Duration {
  /// At least 1, so that nobody comes back too early.
  fileprivate var milliseconds: Int {
    let (seconds, attoseconds) = components
    let fraction = (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
    return max(Int(seconds) * 1_000 + Int(fraction), 1)
  }
}
