import MartletCore
import NIOCore
import Testing

@testable import MartletBackplane

/// Recovery and history in pages: the pure parts.
@Suite struct AssemblyTests {
  private static func epoch(_ name: String) -> Epoch {
    Epoch(name) ?? { preconditionFailure("a good epoch") }()
  }

  private let first = epoch("e1")
  private let second = epoch("e2")

  private func deliveries(
    _ offsets: ClosedRange<UInt64>, _ epoch: Epoch, continuing former: Epoch? = nil, size: Int = 10
  ) -> [Delivery] {
    offsets.map { offset in
      Delivery(
        group: GroupName(trusted: "g"), position: Position(epoch: epoch, offset: offset),
        continues: offset == offsets.lowerBound ? former : nil, excluded: nil,
        event: ByteBuffer(repeating: 0x20, count: size))
    }
  }

  private func assembly(
    from offset: UInt64, to end: UInt64, endEpoch: Epoch? = nil,
    within budget: RecoveryBudget = RecoveryBudget(publications: 1_000)
  ) -> RecoveryAssembly {
    RecoveryAssembly(
      from: Position(epoch: first, offset: offset),
      to: Position(epoch: endEpoch ?? first, offset: end), within: budget)
  }

  @Test func `Pages are put together until the end, and no further`() {
    var assembly = assembly(from: 5, to: 12)
    #expect(assembly.add(deliveries(6...8, first)) == .next(offset: 9, count: 4))
    // 13 was published meanwhile: it is of no concern.
    #expect(assembly.add(deliveries(9...13, first)) == .complete(deliveries(6...12, first)))
  }

  @Test func `An epoch that continues another is part of the same recovery`() {
    var assembly = assembly(from: 5, to: 9, endEpoch: second)
    let pages = deliveries(6...7, first) + deliveries(8...9, second, continuing: first)
    #expect(assembly.add(pages) == .complete(pages))
  }

  @Test func `What is not whole is refused`() {
    var gap = assembly(from: 5, to: 12)
    #expect(gap.add(deliveries(7...8, first)) == .incomplete)
    var trimmed = assembly(from: 5, to: 12)
    _ = trimmed.add(deliveries(6...8, first))
    #expect(trimmed.add(deliveries(10...12, first)) == .incomplete)
    var gone = assembly(from: 5, to: 12)
    _ = gone.add(deliveries(6...8, first))
    #expect(gone.add([]) == .incomplete)
    var stranger = assembly(from: 5, to: 9, endEpoch: second)
    #expect(stranger.add(deliveries(6...9, second)) == .incomplete)
    var backwards = assembly(from: 9, to: 5)
    #expect(backwards.add(deliveries(10...12, first)) == .incomplete)
  }

  @Test func `More than the budget is refused`() {
    var heavy = assembly(
      from: 0, to: 10, within: RecoveryBudget(publications: 100, bytes: 350))
    #expect(heavy.add(deliveries(1...3, first, size: 100)) == .next(offset: 4, count: 7))
    #expect(heavy.add(deliveries(4...6, first, size: 100)) == .incomplete)
    var many = assembly(from: 0, to: 10, within: RecoveryBudget(publications: 4))
    #expect(many.add(deliveries(1...5, first)) == .incomplete)
  }

  @Test func `Large events come in small pages`() {
    var assembly = assembly(
      from: 0, to: 500, within: RecoveryBudget(publications: 500, bytes: 1 << 30))
    #expect(assembly.add(deliveries(1...10, first, size: 200_000)) == .next(offset: 11, count: 5))
  }

  @Test func `A page of history ends with its limit, or when it is large enough`() {
    func newestFirst(_ offsets: ClosedRange<UInt64>, size: Int = 10) -> [Delivery] {
      deliveries(offsets, first, size: size).reversed()
    }
    var limited = HistoryAssembly(limit: 3)
    #expect(limited.nextCount == 4)
    #expect(limited.add(newestFirst(7...10), asked: 4) == nil)
    #expect(limited.page(epoch: first).publications == deliveries(8...10, first))
    #expect(limited.page(epoch: first).nextBefore == 8)
    var whole = HistoryAssembly(limit: 10)
    #expect(whole.add(newestFirst(1...4), asked: whole.nextCount) == nil)
    #expect(whole.page(epoch: first).nextBefore == nil)
    var heavy = HistoryAssembly(limit: 500)
    #expect(heavy.add(newestFirst(401...500, size: 20_000), asked: 100) == nil)
    #expect(heavy.page(epoch: first).publications.count == 53)
    #expect(heavy.page(epoch: first).nextBefore == 448)
    var long = HistoryAssembly(limit: 500)
    let count = long.nextCount
    #expect(long.add(newestFirst(373...500), asked: count) == 373)
  }
}
