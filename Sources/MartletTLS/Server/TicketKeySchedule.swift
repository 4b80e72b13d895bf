/// The keys of a secret, each for a period of time. All who know the secret agree on them, if their clocks do to within
/// a period.
struct TicketKeySchedule: Hashable, Sendable {
  /// Seconds. Longer than tickets are good for, so that the key before the current one opens all that still count.
  static let period = 12 * 3_600
  private static let label = Array("martlet session tickets 1 ".utf8)

  let secret: [UInt8]

  /// The period of a time in seconds since 1970.
  static func period(at time: Int) -> Int {
    time >= 0 ? time / period : (time - period + 1) / period
  }

  func key(of period: Int) -> TicketKey {
    let number = (0..<8).map { UInt8(truncatingIfNeeded: period >> (56 - 8 * $0)) }
    return TicketKey(secret: secret, info: Self.label + number)
  }
}
