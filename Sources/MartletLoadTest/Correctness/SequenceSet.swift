/// A set of sequence numbers as sorted, disjoint, non-adjacent ranges: runs of any length cost one
/// entry, which is how losses come.
struct SequenceSet: Sendable, Equatable, Codable {
  private(set) var ranges: [Range<UInt32>] = []

  var isEmpty: Bool { ranges.isEmpty }

  var count: Int { ranges.reduce(0) { $0 + $1.count } }

  /// The highest member.
  var last: UInt32? { ranges.last.map { $0.upperBound - 1 } }

  func contains(_ sequence: UInt32) -> Bool {
    let index = firstRange(endingAtOrAbove: sequence)
    return index < ranges.count && ranges[index].contains(sequence)
  }

  /// - Returns: false when the set had it already.
  @discardableResult
  mutating func insert(_ sequence: UInt32) -> Bool {
    guard !contains(sequence) else { return false }
    insert(sequence..<(sequence + 1))
    return true
  }

  /// Adds a range; an empty one changes nothing.
  mutating func insert(_ range: Range<UInt32>) {
    guard !range.isEmpty else { return }
    let first = firstRange(endingAtOrAbove: range.lowerBound)
    var merged = range
    var end = first
    while end < ranges.count, ranges[end].lowerBound <= merged.upperBound {
      merged =
        min(
          merged.lowerBound, ranges[end].lowerBound)..<max(
          merged.upperBound, ranges[end].upperBound)
      end += 1
    }
    ranges.replaceSubrange(first..<end, with: CollectionOfOne(merged))
  }

  /// Takes the run that begins exactly at `sequence` out of the set.
  ///
  /// - Returns: the end of that run, nil when none begins there.
  mutating func removeRun(startingAt sequence: UInt32) -> UInt32? {
    let index = firstRange(endingAtOrAbove: sequence)
    guard index < ranges.count, ranges[index].lowerBound == sequence else { return nil }
    return ranges.remove(at: index).upperBound
  }

  func union(_ other: SequenceSet) -> SequenceSet {
    var result = self
    for range in other.ranges { result.insert(range) }
    return result
  }

  func subtracting(_ other: SequenceSet) -> SequenceSet {
    var result = SequenceSet()
    var index = 0
    for range in ranges {
      var low = range.lowerBound
      while index < other.ranges.count, other.ranges[index].upperBound <= low { index += 1 }
      var overlap = index
      while overlap < other.ranges.count, other.ranges[overlap].lowerBound < range.upperBound {
        let cut = other.ranges[overlap]
        if low < cut.lowerBound { result.ranges.append(low..<cut.lowerBound) }
        low = max(low, cut.upperBound)
        overlap += 1
      }
      if low < range.upperBound { result.ranges.append(low..<range.upperBound) }
    }
    return result
  }

  /// Binary search for the first range that `sequence` lies in, touches from above, or precedes.
  private func firstRange(endingAtOrAbove sequence: UInt32) -> Int {
    var low = 0
    var high = ranges.count
    while low < high {
      let middle = (low + high) / 2
      if ranges[middle].upperBound < sequence { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
