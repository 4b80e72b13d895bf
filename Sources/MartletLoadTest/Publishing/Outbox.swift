import DequeModule

/// What one publisher has to send, has sent, and has had acknowledged. Decides what leaves next; the client carries it out.
///
/// Publications leave in sequence order. A lost connection puts every unacknowledged one back, to be sent again first and in
/// order. After an `unavailable` error nothing new leaves until the refused one is acknowledged; refused ones are retried one at a
/// time, lowest first.
///
/// Bounded by the schedule: an entry for each publication between the oldest unacknowledged and the newest one due.
struct Outbox: Sendable {
  /// One publication to put on the wire.
  struct Send: Equatable {
    var sequence: UInt32
    /// When it was due, in nanoseconds since the run began.
    var intended: UInt64
    /// It has been on the wire before.
    var isRepeat: Bool
    /// It was refused as `unavailable` before, so later ones may have overtaken it.
    var isRetry: Bool
  }

  private struct Entry {
    enum State {
      /// Due, and never sent.
      case unsent
      /// To be sent again on this connection.
      case waiting
      case inFlight
      /// `unavailable`; to be retried after a delay.
      case refused
      /// Acknowledged, or refused for good, while an earlier one is still open.
      case done
    }
    var intended: UInt64
    var state = State.unsent
    var wasRefused = false
  }

  /// Sequence of the first entry of `window`.
  private var base: UInt32 = 0
  /// From the oldest unacknowledged publication to the newest one due.
  private var window: Deque<Entry> = []
  /// Publications sent at least once: sequences below.
  private(set) var sent: UInt32 = 0
  /// Entries that are `.waiting`. All have sequences from `resendFrom` on.
  private var waiting = 0
  private var resendFrom: UInt32 = 0
  private var refused = 0
  private var retrying: UInt32?
  /// A refused publication waits until its delay is over.
  private var mayRetry = false
  private var isConnected = false
  /// Publications that the server refused with an error that a retry does not mend.
  private(set) var rejected = SequenceSet()

  /// Sequences below are due.
  var due: UInt32 { base + UInt32(window.count) }

  /// The next sequence becomes due.
  mutating func becomeDue(intended: UInt64) {
    window.append(Entry(intended: intended))
  }

  mutating func connected() {
    isConnected = true
  }

  /// Everything unacknowledged must be sent again.
  mutating func disconnected() {
    isConnected = false
    refused = 0
    retrying = nil
    mayRetry = false
    waiting = 0
    resendFrom = base
    for index in window.indices.prefix(Int(sent - base)) where window[index].state != .done {
      window[index].state = .waiting
      waiting += 1
    }
  }

  /// What to send now, nil when nothing may leave. It counts as sent.
  mutating func next() -> Send? {
    guard isConnected else { return nil }
    if isRetrying { return nextRetry() }
    if waiting > 0 {
      var index = Int(max(base, resendFrom) - base)
      while window[index].state != .waiting { index += 1 }
      waiting -= 1
      resendFrom = base + UInt32(index) + 1
      return send(at: index)
    }
    guard sent < due else { return nil }
    let index = Int(sent - base)
    sent += 1
    window[index].state = .inFlight
    return Send(
      sequence: sent - 1, intended: window[index].intended, isRepeat: false, isRetry: false)
  }

  private mutating func nextRetry() -> Send? {
    guard retrying == nil, mayRetry else { return nil }
    guard let index = window.firstIndex(where: { $0.state == .refused }) else { return nil }
    refused -= 1
    mayRetry = refused > 0
    retrying = base + UInt32(index)
    return send(at: index)
  }

  private mutating func send(at index: Int) -> Send {
    window[index].state = .inFlight
    return Send(
      sequence: base + UInt32(index), intended: window[index].intended, isRepeat: true,
      isRetry: window[index].wasRefused)
  }

  /// An `ack` arrived.
  ///
  /// - Returns: when the publication was due; nil when no such one is open: the server made the `ref` up.
  mutating func acknowledged(_ sequence: UInt32) -> UInt64? {
    finish(sequence)
  }

  /// An `unavailable` error arrived: the publication goes again when `retryDelayOver()` says so.
  ///
  /// - Returns: false when no such publication is in flight.
  mutating func refusedForNow(_ sequence: UInt32) -> Bool {
    guard let index = index(of: sequence), window[index].state == .inFlight else { return false }
    window[index].state = .refused
    window[index].wasRefused = true
    refused += 1
    if retrying == sequence {
      retrying = nil
      mayRetry = false
    }
    return true
  }

  /// The delay after an `unavailable` error is over.
  mutating func retryDelayOver() {
    mayRetry = refused > 0
  }

  /// An error that a retry does not mend arrived: the publication stays unacknowledged.
  ///
  /// - Returns: false when no such publication is open.
  mutating func refusedForGood(_ sequence: UInt32) -> Bool {
    guard finish(sequence) != nil else { return false }
    rejected.insert(sequence)
    return true
  }

  private mutating func finish(_ sequence: UInt32) -> UInt64? {
    guard let index = index(of: sequence), window[index].state == .inFlight else { return nil }
    let intended = window[index].intended
    window[index].state = .done
    if retrying == sequence { retrying = nil }
    while let first = window.first, first.state == .done {
      window.removeFirst()
      base += 1
    }
    return intended
  }

  private func index(of sequence: UInt32) -> Int? {
    guard sequence >= base, sequence - base < UInt32(window.count) else { return nil }
    return Int(sequence - base)
  }

  /// Nothing new leaves before an answer to one that was refused.
  var isRetrying: Bool { refused > 0 || retrying != nil }

  /// Every publication that is due has been sent and answered.
  var isSettled: Bool { window.isEmpty }

  /// Sequences that are due and never were acknowledged, sent or not.
  var unacknowledged: SequenceSet {
    var result = rejected
    for (index, entry) in window.enumerated() where entry.state != .done {
      result.insert(base + UInt32(index))
    }
    return result
  }
}
