/// When one client's publications are due, on the axis of work: decided before the run begins and never moved by how the server
/// answers (the open model). Latency counts from these, so that a server that stalls cannot hide it by slowing the generator down.
struct Timetable: Sendable, Equatable {
  private let random: SeededRandom
  private let client: Int
  private let gap: Publishing.Gap
  /// The work at which the client arrived.
  private let origin: Double
  /// The client's share (0…1) of the first gap, by which clients differ if gaps do not.
  private let share: Double
  /// Of the next publication.
  private(set) var sequence: UInt32 = 0
  private(set) var due: Double

  init(
    _ gap: Publishing.Gap, client: Int, of clients: Int, origin: Double, random: SeededRandom
  ) {
    self.random = random
    self.client = client
    self.gap = gap
    self.origin = origin
    share = Double(client) / Double(max(1, clients))
    due = origin
    due = first
  }

  private var first: Double {
    switch gap {
    case .constant(let gap): origin + (share * Double(gap.nanoseconds)).rounded()
    case .uniform(_, let highest):
      // Not the whole gap: clients are found at any place of it.
      origin + random.unit(.gap, client) * Double(highest.nanoseconds)
    case .exponential: origin + draw(0)
    }
  }

  /// The gap in front of publication `sequence`.
  private func draw(_ sequence: UInt32) -> Double {
    switch gap {
    case .constant(let gap): return Double(gap.nanoseconds)
    case .uniform(let lowest, let highest):
      let unit = random.unit(.gap, client, UInt64(sequence))
      return Double(lowest.nanoseconds) + unit * Double(highest.nanoseconds - lowest.nanoseconds)
    case .exponential(let mean):
      let unit = random.unit(.gap, client, UInt64(sequence))
      return -Double(mean.nanoseconds) * Double.logarithm(1 - unit)
    }
  }

  /// Goes on to the next publication.
  mutating func advance() {
    sequence += 1
    if case .constant(let gap) = gap {
      // Not by adding: the thousandth gap is as exact as the first.
      due = origin + ((Double(sequence) + share) * Double(gap.nanoseconds)).rounded()
    } else {
      due += draw(sequence)
    }
  }

  /// The first publication that is due at `work` or later, of a timetable at its beginning.
  func firstSequence(from work: Double) -> UInt32 {
    var table = self
    if case .constant(let gap) = gap, gap.nanoseconds > 0, work > due {
      // One less than computed: the definition decides, not the division.
      let passed = ((work - due) / Double(gap.nanoseconds)).rounded(.down) - 1
      table.sequence = UInt32(max(0, min(passed, Double(UInt32.max - 2))))
      table.due =
        origin + ((Double(table.sequence) + share) * Double(gap.nanoseconds)).rounded()
    }
    while table.due < work { table.advance() }
    return table.sequence
  }

  /// Whether ``firstSequence(from:)`` computes, and does not search.
  var hasConstantGaps: Bool {
    if case .constant = gap { true } else { false }
  }
}
