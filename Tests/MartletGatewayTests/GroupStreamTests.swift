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

  @Test func `An epoch that continues where the stream is goes on without a word`() {
    var stream = GroupStream()
    _ = stream.established(at: position(7))
    let new = Example.deliveries(8...9, epoch: Example.otherEpoch, continuing: Example.epoch)
    #expect(stream.received(new) == [.deliver(new)])
    #expect(stream.position == position(9, Example.otherEpoch))
  }

  @Test func `An epoch that continues from before what was delivered is told`() {
    var stream = GroupStream()
    _ = stream.established(at: position(10))
    let new = Example.deliveries(8...9, epoch: Example.otherEpoch, continuing: Example.epoch)
    #expect(stream.received(new) == [.repair(since: position(10))])
    let place = position(9, Example.otherEpoch)
    #expect(
      stream.repaired(Recovery(position: place, missed: nil)) == [.resync(place, .epochChanged)])
    #expect(stream.position == place)
  }

  @Test func `An epoch of which the beginning was missed is repaired`() {
    var stream = GroupStream()
    _ = stream.established(at: position(7))
    let new = Example.deliveries(8...9, epoch: Example.otherEpoch, continuing: Example.epoch)
    #expect(stream.received([new[1]]) == [.repair(since: position(7))])
    let place = position(9, Example.otherEpoch)
    #expect(stream.repaired(Recovery(position: place, missed: new)) == [.deliver(new)])
  }

  @Test func `An epoch that continues nothing is told`() {
    var stream = GroupStream()
    _ = stream.established(at: position(7))
    let new = Example.deliveries(1...3, epoch: Example.otherEpoch)
    #expect(stream.received(Array(new.prefix(2))) == [.repair(since: position(7))])
    #expect(stream.received([new[2]]) == [])
    let place = position(2, Example.otherEpoch)
    #expect(
      stream.repaired(Recovery(position: place, missed: nil)) == [
        .resync(place, .epochChanged), .deliver([new[2]]),
      ])
  }

  @Test func `After an interruption nothing is told if nothing was missed`() {
    var stream = GroupStream()
    _ = stream.established(at: position(3))
    #expect(stream.interrupted() == [.repair(since: position(3))])
    #expect(stream.repaired(Recovery(position: position(3), missed: [])) == [])
    #expect(stream.received(Example.deliveries(4...4)) == [.deliver(Example.deliveries(4...4))])
  }

  @Test func `An answer that is older than an interruption is asked for again`() {
    var stream = GroupStream()
    _ = stream.established(at: position(3))
    _ = stream.interrupted()
    #expect(stream.interrupted() == [])
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
    _ = stream.interrupted()
    #expect(
      stream.repaired(Recovery(position: position(6), missed: nil)) == [.resync(position(6), .gap)])
    #expect(stream.received(Example.deliveries(7...7)) == [.deliver(Example.deliveries(7...7))])
  }

  /// Random losses, repeats, trims, lost tails and empty restarts: what a member has seen since it was last told is what the
  /// group has, each once and in order.
  @Test func `Whatever the backplane delivers, members see what there is, in order, or are told`() {
    let seed = UInt64.random(in: 0...UInt64.max)
    for round in 0..<500 {
      var world = StreamWorld(seed: seed &+ UInt64(round))
      for _ in 0..<80 { world.step() }
      let isRight = world.settle()
      #expect(isRight, "seed \(seed), round \(round): \(world.problem ?? "")")
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
    _ offsets: ClosedRange<UInt64>, epoch: Epoch = epoch, continuing former: Epoch? = nil,
    excluded: String? = nil
  ) -> [Delivery] {
    offsets.map { offset in
      Delivery(
        group: group, position: Position(epoch: epoch, offset: offset),
        continues: offset == offsets.lowerBound ? former : nil, excluded: excluded,
        event: ByteBuffer(string: #"{"type":"x"}"#))
    }
  }
}
