import MartletTestSupport
import Testing

@testable import MartletPresence

@Suite("Packed dictionary")
struct PackedDictionaryTests {
  @Test(
    "it holds what a dictionary does, whatever is done to both",
    arguments: [UInt64.random(in: .min ... .max)])
  func agreesWithDictionary(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var model: [String: [Int]] = [:]
    var packed: PackedDictionary<String, [Int]> = [:]
    for step in 0..<20_000 {
      // Grows, so that it has an index, and shrinks until it is empty.
      let isShrinking = step / 2_000 % 2 == 1
      let key = "\(Int.random(in: 0..<200, using: &random))"
      switch Int.random(in: 0..<10, using: &random) {
      case 0..<(isShrinking ? 7 : 1):
        #expect(packed.removeValue(forKey: key) == model.removeValue(forKey: key))
      case 7:
        packed[key]?.append(step)
        model[key]?.append(step)
      case 8:
        packed[key] = isShrinking ? nil : [step]
        model[key] = isShrinking ? nil : [step]
      default:
        packed[key, default: []].append(step)
        model[key, default: []].append(step)
      }
      guard packed.count == model.count, packed[key] == model[key], step.isMultiple(of: 50)
      else {
        #expect(packed.count == model.count && packed[key] == model[key], "seed \(seed)")
        continue
      }
      let entries = Dictionary(uniqueKeysWithValues: packed.map { ($0, $1) })
      #expect(entries == model && packed.isEmpty == model.isEmpty, "seed \(seed)")
    }
  }

  @Test("its room grows by an eighth, and is given back when it is empty")
  func room() {
    var packed: PackedDictionary<Int, Int> = [:]
    for number in 0..<10_000 { packed[number] = number }
    #expect(packed.values.capacity < 11_500)
    for number in 0..<10_000 { packed[number] = nil }
    #expect(packed.isEmpty && packed.values.capacity == 0)
  }

  @Test("a copy stays as it was")
  func copies() {
    var packed: PackedDictionary<String, [Int]> = ["a": [1], "b": [2]]
    let copy = packed
    packed["a"]?.append(3)
    packed["b"] = nil
    #expect(copy["a"] == [1] && copy["b"] == [2])
    #expect(packed["a"] == [1, 3] && packed["b"] == nil)
  }
}
