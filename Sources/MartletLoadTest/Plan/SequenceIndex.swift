/// Answers which publication of one publisher was the first due at or after a time.
struct SequenceIndex {
  /// Number of the publisher within its group.
  let publisher: Int
  private let timetable: Timetable
  private let count: UInt32
  private let pace: Pace
  /// Places of all publications on the axis of work; made when first needed, and only if gaps differ.
  private var places: [Double]?

  init(_ timetable: Timetable, count: UInt32, _ pace: Pace, publisher: Int) {
    self.timetable = timetable
    self.count = count
    self.pace = pace
    self.publisher = publisher
  }

  /// At most the count.
  mutating func first(from time: UInt64) -> UInt32 {
    let work = pace.work(at: time)
    if timetable.hasConstantGaps { return min(count, timetable.firstSequence(from: work)) }
    let places = places ?? makePlaces()
    self.places = places
    var low = 0
    var high = places.count
    while low < high {
      let middle = (low + high) / 2
      if places[middle] < work { low = middle + 1 } else { high = middle }
    }
    return UInt32(low)
  }

  private func makePlaces() -> [Double] {
    var table = timetable
    return (0..<count).map { _ in
      defer { table.advance() }
      return table.due
    }
  }
}
