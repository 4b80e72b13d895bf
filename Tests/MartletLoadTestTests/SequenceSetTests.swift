import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct SequenceSetTests {
  @Test func `Random inserts and subtractions agree with a set of integers`() {
    var generator = SeededGenerator(seed: 1)
    for _ in 0..<300 {
      var set = SequenceSet()
      var model: Set<UInt32> = []
      for _ in 0..<Int.random(in: 0...40, using: &generator) {
        let low = UInt32.random(in: 0...60, using: &generator)
        if Bool.random(using: &generator) {
          let isNew = set.insert(low)
          #expect(isNew == model.insert(low).inserted)
        } else {
          let range = low..<(low + UInt32.random(in: 0...8, using: &generator))
          set.insert(range)
          model.formUnion(range)
        }
      }
      var other = SequenceSet()
      let removed = (0..<10).map { _ in UInt32.random(in: 0...60, using: &generator) }
      for sequence in removed { other.insert(sequence) }

      #expect(set.count == model.count)
      #expect(set.last == model.max())
      #expect(set.ranges.flatMap { Array($0) } == model.sorted())
      for index in set.ranges.indices.dropFirst() {
        #expect(set.ranges[index - 1].upperBound < set.ranges[index].lowerBound)
      }
      for sequence in UInt32(0)...70 { #expect(set.contains(sequence) == model.contains(sequence)) }
      #expect(
        set.subtracting(other).ranges.flatMap { Array($0) } == model.subtracting(removed).sorted())
    }
  }
}
