import Foundation
import FuzzTargets
import MartletTestSupport
import Testing

/// What fuzzers have found worth keeping (scripts/fuzz), and what they might send next.
@Suite struct CorpusTests {
  /// More than would be left if a corpus were lost.
  private static let fewest = 20
  /// Of all files in the repository, in bytes.
  private static let largest = 2 << 20

  @Test(arguments: FuzzTarget.allCases)
  func `Every input of the corpus is survived`(target: FuzzTarget) throws {
    let corpus = try target.corpus(in: ProgramProcess.repository)
    #expect(corpus.count >= Self.fewest)
    for (_, input) in corpus { target.run(input) }
  }

  @Test(arguments: FuzzTarget.allCases)
  func `So is every input with some bytes changed`(target: FuzzTarget) throws {
    let seed = UInt64.random(in: 0 ... .max)
    print("CorpusTests \(target.rawValue) seed: \(seed)")
    var generator = SeededGenerator(seed: seed)
    for (_, input) in try target.corpus(in: ProgramProcess.repository) {
      var changed = input
      for _ in 0..<Int.random(in: 1...4, using: &generator) where !changed.isEmpty {
        let index = Int.random(in: changed.indices, using: &generator)
        switch Int.random(in: 0..<3, using: &generator) {
        case 0: changed[index] = UInt8.random(in: 0...255, using: &generator)
        case 1: changed.remove(at: index)
        default:
          changed.insert(changed[Int.random(in: changed.indices, using: &generator)], at: index)
        }
      }
      target.run(changed)
    }
  }

  @Test func `The corpora are small`() throws {
    let sizes = try FuzzTarget.allCases.map { target in
      try target.corpus(in: ProgramProcess.repository).reduce(0) { $0 + $1.input.count }
    }
    #expect(sizes.reduce(0, +) <= Self.largest)
  }
}
