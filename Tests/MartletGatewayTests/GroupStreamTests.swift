import MartletBackplane
import MartletCore
import MartletProtocol
import MartletTestSupport
import NIOCore
import Testing

@testable import MartletGateway

@Suite struct GroupStreamTests {
  private func position(_ offset: UInt64, _ epoch: Epoch? = nil) -> Position {
    Position(epoch: epoch ?? Example.epoch, offset: offset)
  }

  @Test func `Publications before the first join wait, and those it already knows are left out`() {
    var stream = GroupStream()
    #expect(stream.received(Example.deliveries(4...6)) == [])
    #expect(stream.established(at: position(5)) == [.deliver(Example.deliveries(6...6))])
    #expect(stream.position == position(6))
  }

  @Test func `Consecutive publications are delivered as they come, in one run`() {
    var stream = GroupStream()
    #expect(stream.established(at: position(0)) == [])
    #expect(stream.received(Example.deliveries(1...3)) == [.deliver(Example.deliveries(1...3))])
  }

  @Test func `What comes again is not delivered again`() {
    var stream = GroupStream()
    _ = stream.established(at: position(3))
    #expect(stream.received(Example.deliveries(1...5)) == [.deliver(Example.deliveries(4...5))])
    #expect(stream.received(Example.deliveries(2...5)) == [])
  }

  @Test func `Ephemeral events are delivered in their place`() {
    var stream = GroupStream()
    _ = stream.established(at: position(0))
    let mixed = Example.deliveries(1...1) + [Example.ephemeral] + Example.deliveries(2...2)
    #expect(stream.received(mixed) == [.deliver(mixed)])
  }

  @Test func `A gap is repaired from the history, and what came meanwhile follows`() {
    var stream = GroupStream()
    _ = stream.established(at: position(1))
    #expect(stream.received(Example.deliveries(4...5)) == [.repair(since: position(1))])
    #expect(stream.received(Example.deliveries(6...6)) == [])
    let recovery = Recovery(position: position(5), missed: Example.deliveries(2...5))
    #expect(
      stream.repaired(recovery) == [
        .deliver(Example.deliveries(2...5)), .deliver(Example.deliveries(6...6)),
      ])
  }

  @Test func `A gap that the history cannot fill is told`() {
    var stream = GroupStream()
    _ = stream.established(at: position(1))
    _ = stream.received(Example.deliveries(4...5))
    #expect(
      stream.repaired(Recovery(position: position(4), missed: nil)) == [
        .resync(position(4), .gap), .deliver(Example.deliveries(5...5)),
      ])
  }

  @Test func `A repair without an answer is asked again`() {
    var stream = GroupStream()
    _ = stream.established(at: position(1))
    _ = stream.received(Example.deliveries(4...4))
    #expect(stream.repaired(nil) == [.repair(since: position(1))])
    #expect(stream.repaired(nil) == [.repair(since: position(1))])
  }

  @Test func `A new epoch is told before its first publication`() {
    var stream = GroupStream()
    _ = stream.established(at: position(7))
    let new = Example.deliveries(1...2, epoch: Example.otherEpoch)
    #expect(
      stream.received(new) == [
        .resync(position(0, Example.otherEpoch), .epochChanged), .deliver(new),
      ])
    #expect(stream.position == position(2, Example.otherEpoch))
  }

  @Test func `After an interruption nothing is told if nothing was missed`() {
    var stream = GroupStream()
    _ = stream.established(at: position(3))
    #expect(stream.interrupted(.unread) == [.repair(since: position(3))])
    #expect(stream.repaired(Recovery(position: position(3), missed: [])) == [])
    #expect(stream.received(Example.deliveries(4...4)) == [.deliver(Example.deliveries(4...4))])
  }

  @Test func `Data that are not those that were read before are told, whatever can be recovered`() {
    var stream = GroupStream()
    _ = stream.established(at: position(9))
    #expect(stream.interrupted(.otherData) == [.repair(since: position(9))])
    // Offsets 7 to 9 were given out again before anybody looked.
    let recovery = Recovery(position: position(11), missed: Example.deliveries(10...11))
    #expect(stream.repaired(recovery) == [.resync(position(11), .gap)])
  }

  @Test func `An answer that is older than an interruption is asked for again`() {
    var stream = GroupStream()
    _ = stream.established(at: position(3))
    _ = stream.interrupted(.unread)
    #expect(stream.interrupted(.unread) == [])
    let old = Recovery(position: position(3), missed: [])
    #expect(stream.repaired(old) == [.repair(since: position(3))])
    let new = Recovery(position: position(4), missed: Example.deliveries(4...4))
    #expect(stream.repaired(new) == [.deliver(Example.deliveries(4...4))])
  }

  @Test func `What waited of a history that is over is left out`() {
    var stream = GroupStream()
    _ = stream.established(at: position(1))
    _ = stream.received(Example.deliveries(4...5))
    let other = position(2, Example.otherEpoch)
    #expect(
      stream.repaired(Recovery(position: other, missed: nil)) == [.resync(other, .epochChanged)])
    #expect(stream.position == other)
  }

  @Test func `An interruption that lost the tail is told`() {
    var stream = GroupStream()
    _ = stream.established(at: position(9))
    _ = stream.interrupted(.unread)
    #expect(
      stream.repaired(Recovery(position: position(6), missed: nil)) == [.resync(position(6), .gap)])
    #expect(stream.received(Example.deliveries(7...7)) == [.deliver(Example.deliveries(7...7))])
  }

  /// Random losses, repeats, and trims; the member must see every offset once and in order, or a resync.
  @Test func `Whatever the backplane delivers, members see offsets in order or are told`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    var random = SeededGenerator(seed: seed)
    for _ in 0..<300 {
      var stream = GroupStream()
      var seen: UInt64 = 0
      var top: UInt64 = 0
      var kept: UInt64 = 0
      var pending: Position?
      func check(_ actions: [GroupStream.Action]) {
        for action in actions {
          switch action {
          case .deliver(let deliveries):
            for case let offset? in deliveries.map({ $0.position?.offset }) {
              #expect(offset == seen + 1, "seed \(seed)")
              seen = offset
            }
          case .resync(let position, _):
            seen = position.offset
          case .repair(let position):
            #expect(position.offset == seen, "seed \(seed)")
            pending = position
          }
        }
      }
      check(stream.established(at: position(0)))
      for _ in 0..<60 {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<5:
          let count = UInt64.random(in: 1...4, using: &random)
          check(stream.received(Example.deliveries((top + 1)...(top + count))))
          top += count
        case 5:
          top += UInt64.random(in: 1...3, using: &random)
        case 6 where top > 0:
          let from = UInt64.random(in: 1...top, using: &random)
          check(stream.received(Example.deliveries(from...top)))
        case 7:
          kept = UInt64.random(in: kept...top, using: &random)
        case 8:
          check(stream.interrupted(.unread))
        default:
          guard let since = pending else { break }
          pending = nil
          let isComplete = since.offset >= kept && since.offset <= top
          let missed =
            !isComplete
            ? nil : since.offset < top ? Example.deliveries((since.offset + 1)...top) : []
          check(stream.repaired(Recovery(position: position(top), missed: missed)))
        }
      }
      if let since = pending {
        pending = nil
        check(
          stream.repaired(
            Recovery(
              position: position(top),
              missed: since.offset < top ? Example.deliveries((since.offset + 1)...top) : [])))
      }
      check(stream.received(Example.deliveries((top + 1)...(top + 1))))
      if pending == nil { #expect(seen == top + 1, "seed \(seed)") }
    }
  }
}

/// Deliveries to test with.
enum Example {
  static let epoch = Epoch("e1") ?? { preconditionFailure("a good epoch") }()
  static let otherEpoch = Epoch("e2") ?? { preconditionFailure("a good epoch") }()
  static let group = GroupName(trusted: "g")
  static let ephemeral = Delivery(
    group: group, position: nil, excluded: nil, event: ByteBuffer(string: #"{"type":"t"}"#))

  static func deliveries(
    _ offsets: ClosedRange<UInt64>, epoch: Epoch = epoch, excluded: String? = nil
  ) -> [Delivery] {
    offsets.map { offset in
      Delivery(
        group: group, position: Position(epoch: epoch, offset: offset), excluded: excluded,
        event: ByteBuffer(string: #"{"type":"x"}"#))
    }
  }
}
