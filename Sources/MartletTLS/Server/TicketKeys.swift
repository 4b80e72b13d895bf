internal import Synchronization

/// The ticket keys of now: one that seals, and those that open. Any thread.
final class TicketKeys: Sendable {
  /// A key that opens a ticket.
  struct Opening: Equatable {
    var key: TicketKey
    /// Whether new tickets are sealed with it; otherwise the client should get a new one.
    var isCurrent: Bool
  }

  private struct Keys {
    var period: Int
    var current: TicketKey
    /// Of the periods before and after: tickets of a moment ago, and those of a machine whose clock is ahead.
    var neighbours: [TicketKey]
  }

  private let schedule: TicketKeySchedule
  private let keys: Mutex<Keys?> = Mutex(nil)

  init(secret: [UInt8]) {
    schedule = TicketKeySchedule(secret: secret)
  }

  /// - Parameter time: in seconds since 1970; so below.
  func sealing(at time: Int) -> TicketKey {
    keys(at: time).current
  }

  /// Nil: no key of this time has the name.
  func opening(_ name: [UInt8], at time: Int) -> Opening? {
    let keys = keys(at: time)
    if keys.current.name == name { return Opening(key: keys.current, isCurrent: true) }
    return keys.neighbours.first { $0.name == name }.map { Opening(key: $0, isCurrent: false) }
  }

  private func keys(at time: Int) -> Keys {
    let period = TicketKeySchedule.period(at: time)
    return keys.withLock { keys in
      if let keys, keys.period == period { return keys }
      let new = Keys(
        period: period, current: schedule.key(of: period),
        neighbours: [schedule.key(of: period - 1), schedule.key(of: period + 1)])
      keys = new
      return new
    }
  }
}
