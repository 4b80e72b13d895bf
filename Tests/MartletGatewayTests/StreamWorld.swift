import MartletBackplane
import MartletCore
import MartletTestSupport
import NIOCore

@testable import MartletGateway

/// A group in a backplane that loses its tail and its data, a reader that misses and repeats, and a ``GroupStream``
/// between them. Everything random comes from the seed.
struct StreamWorld {
  /// What the backplane knows of the group, as the scripts of Redis keep it.
  private struct Group {
    var position = Position(epoch: StreamWorld.epoch(0), offset: 0)
    var former: [Position] = []
    /// Survives; the newest last.
    var history: [Delivery] = []

    func recover(since: Position, trimmedBelow kept: UInt64) -> Recovery {
      let isKnown =
        since.epoch == position.epoch
        ? since.offset <= position.offset
        : former.contains { $0.epoch == since.epoch && since.offset <= $0.offset }
      let missed = history.filter { ($0.position?.offset ?? 0) > since.offset }
      let isWhole = since.offset >= kept && since.offset + UInt64(missed.count) == position.offset
      return Recovery(position: position, missed: isKnown && isWhole ? missed : nil)
    }
  }

  private var random: SeededGenerator
  private var group = Group()
  /// As it was after each publication that survives.
  private var past: [Group] = [Group()]
  private var mustContinue = false
  private var epochs = 0
  private var publications = 0
  private var kept: UInt64 = 0
  private var unread: [Delivery] = []
  private var mustInterrupt = false
  private var stream = GroupStream()
  private var asked: Position?
  private var seen: [Delivery] = []
  private var place: Position
  private(set) var problem: String?

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    place = Position(epoch: Self.epoch(0), offset: 0)
    perform(stream.established(at: place))
  }

  private static func epoch(_ number: Int) -> Epoch {
    Epoch("e\(number)") ?? { preconditionFailure("a good epoch") }()
  }

  mutating func step() {
    switch Int.random(in: 0..<12, using: &random) {
    case 0..<4: publish()
    case 4, 5: read(unread.count)
    case 6: read(Int.random(in: 0...unread.count, using: &random))
    case 7 where !unread.isEmpty:
      // Trimmed before they were read.
      unread.removeFirst(Int.random(in: 1...unread.count, using: &random))
      mustInterrupt = true
    case 8:
      kept = UInt64.random(
        in: min(kept, group.position.offset)...group.position.offset, using: &random)
    case 9: loseData()
    case 10: interruptIfNeeded()
    default: answer()
    }
  }

  /// Brings everything to an end; whether the member's view is right.
  mutating func settle() -> Bool {
    publish()
    for _ in 0..<10 {
      read(unread.count)
      interruptIfNeeded()
      answer()
    }
    guard problem == nil else { return false }
    if place != group.position { problem = "ends at \(place), not at \(group.position)" }
    let truth = group.history.suffix(seen.count)
    if !seen.elementsEqual(truth) { problem = "saw what there is not, or missed something" }
    return problem == nil
  }

  private mutating func publish() {
    var continued: Epoch?
    if mustContinue {
      mustContinue = false
      continued = group.position.epoch
      group.former.insert(group.position, at: 0)
      epochs += 1
      group.position.epoch = Self.epoch(epochs)
    }
    group.position.offset += 1
    publications += 1
    let delivery = Delivery(
      group: Example.group, position: group.position, continues: continued, excluded: nil,
      event: ByteBuffer(string: #"{"type":"\#(publications)"}"#))
    group.history.append(delivery)
    past.append(group)
    unread.append(delivery)
  }

  /// A fail-over without the last publications, or a restart without any.
  private mutating func loseData() {
    mustInterrupt = true
    if Int.random(in: 0..<4, using: &random) == 0 {
      epochs += 1
      group = Group(position: Position(epoch: Self.epoch(epochs), offset: 0))
      past = [group]
      mustContinue = false
      kept = 0
    } else {
      past.removeLast(Int.random(in: 0..<min(past.count, 4), using: &random))
      group = past[past.count - 1]
      mustContinue = true
    }
    // What was not read is either lost or still comes.
    unread.removeAll { delivery in !group.history.contains(delivery) }
    kept = min(kept, group.position.offset)
  }

  private mutating func read(_ count: Int) {
    let batch = Array(unread.prefix(count))
    unread.removeFirst(count)
    perform(stream.received(batch))
    if Int.random(in: 0..<4, using: &random) == 0 { perform(stream.received(batch)) }
  }

  private mutating func interruptIfNeeded() {
    guard mustInterrupt else { return }
    mustInterrupt = false
    perform(stream.interrupted())
  }

  private mutating func answer() {
    guard let since = asked else { return }
    asked = nil
    perform(stream.repaired(group.recover(since: since, trimmedBelow: kept)))
  }

  private mutating func perform(_ actions: [GroupStream.Action]) {
    for action in actions {
      switch action {
      case .deliver(let deliveries):
        for delivery in deliveries {
          guard delivery.follows(place), let next = delivery.position else {
            problem = "\(delivery) was delivered after \(place)"
            return
          }
          place = next
          seen.append(delivery)
        }
      case .resync(let position, _):
        place = position
        seen = []
      case .repair(let position):
        if position != place { problem = "asked for what follows \(position) at \(place)" }
        asked = position
      }
    }
  }
}
