import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct MemberLedgerTests {
  @Test func `Sequences in their turn are in order`() {
    var ledger = MemberLedger(publishers: 2)
    for sequence in UInt32(0)..<5 {
      #expect(ledger.record(publisher: 1, sequence: sequence) == .inOrder)
    }
    #expect(ledger.delivered == 5)
    #expect(ledger.hasAll(0..<5, of: 1))
    #expect(!ledger.hasAll(0..<6, of: 1))
    #expect(!ledger.hasAll(0..<1, of: 0))
  }

  @Test func `A gap is no reordering until it is filled late`() {
    var ledger = MemberLedger(publishers: 1)
    #expect(ledger.record(publisher: 0, sequence: 2) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 3) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 0) == .reordered)
    #expect(ledger.record(publisher: 0, sequence: 1) == .reordered)
    #expect(ledger.hasAll(0..<4, of: 0))
    #expect(ledger.record(publisher: 0, sequence: 4) == .inOrder)
  }

  @Test func `A repeated sequence is a duplicate, whether or not a gap is before it`() {
    var ledger = MemberLedger(publishers: 1)
    #expect(ledger.record(publisher: 0, sequence: 0) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 0) == .duplicate)
    #expect(ledger.record(publisher: 0, sequence: 5) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 5) == .duplicate)
    #expect(ledger.delivered == 2)
  }

  @Test func `A publication overtaken because its publisher retried it is not the server's fault`()
  {
    var ledger = MemberLedger(publishers: 1)
    _ = ledger.record(publisher: 0, sequence: 1)
    #expect(ledger.record(publisher: 0, sequence: 0, isRetry: true) == .overtaken)
    #expect(ledger.record(publisher: 0, sequence: 2, isRetry: true) == .inOrder)
  }

  @Test func `An offset that went back is a reordering between publishers`() {
    var ledger = MemberLedger(publishers: 2)
    _ = ledger.record(publisher: 0, sequence: 0)
    #expect(ledger.record(publisher: 1, sequence: 0, isBehindOffset: true) == .reordered)
    #expect(ledger.record(publisher: 1, sequence: 0, isBehindOffset: true) == .duplicate)
  }

  @Test func `Random arrivals are judged as a list of all arrivals judges them`() {
    var generator = SeededGenerator(seed: 2)
    for _ in 0..<400 {
      let publishers = Int.random(in: 1...3, using: &generator)
      var ledger = MemberLedger(publishers: publishers)
      var seen: [[UInt32]] = Array(repeating: [], count: publishers)
      for _ in 0..<60 {
        let publisher = Int.random(in: 0..<publishers, using: &generator)
        let sequence = UInt32.random(in: 0..<12, using: &generator)
        let expected: MemberLedger.Arrival =
          if seen[publisher].contains(sequence) {
            .duplicate
          } else if seen[publisher].contains(where: { $0 > sequence }) {
            .reordered
          } else {
            .inOrder
          }
        #expect(ledger.record(publisher: publisher, sequence: sequence) == expected)
        seen[publisher].append(sequence)
      }
      for publisher in 0..<publishers {
        let received = ledger.received(of: publisher).ranges.flatMap { Array($0) }
        #expect(received == Set(seen[publisher]).sorted())
      }
      #expect(ledger.delivered == seen.reduce(0) { $0 + Set($1).count })
    }
  }
}

@Suite struct LateMemberLedgerTests {
  @Test func `The ledger of who comes late begins with what comes first`() {
    var ledger = MemberLedger(publishers: 2, isLate: true)
    #expect(ledger.record(publisher: 0, sequence: 7) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 8) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 8) == .duplicate)
    #expect(ledger.hasAll(7..<9, of: 0) && !ledger.hasAll(6..<9, of: 0))
    #expect(!ledger.hasAll(0..<1, of: 1) && ledger.hasAll(3..<3, of: 1))
    #expect(ledger.received(of: 1).isEmpty)
  }

  @Test func `What should have come before the first is reordered, and no duplicate`() {
    var ledger = MemberLedger(publishers: 1, isLate: true)
    #expect(ledger.record(publisher: 0, sequence: 7) == .inOrder)
    #expect(ledger.record(publisher: 0, sequence: 5) == .reordered)
    #expect(ledger.record(publisher: 0, sequence: 5) == .duplicate)
    #expect(ledger.record(publisher: 0, sequence: 8) == .inOrder)
    #expect(ledger.received(of: 0).ranges == [5..<6, 7..<9])
  }
}
