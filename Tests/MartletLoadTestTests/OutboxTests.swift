import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct OutboxTests {
  private func drain(_ outbox: inout Outbox) -> [UInt32] {
    var sent: [UInt32] = []
    while let send = outbox.next() { sent.append(send.sequence) }
    return sent
  }

  private func outbox(due: Int) -> Outbox {
    var outbox = Outbox()
    outbox.connected()
    for _ in 0..<due { outbox.becomeDue(intended: 0) }
    return outbox
  }

  @Test func `Due publications leave at once, without waiting for acknowledgements`() {
    var outbox = outbox(due: 3)
    #expect(drain(&outbox) == [0, 1, 2])
    #expect(!outbox.isSettled)
    for sequence in UInt32(0)..<3 { #expect(outbox.acknowledged(sequence) != nil) }
    #expect(outbox.isSettled)
  }

  @Test func `Publications that become due while disconnected wait for the reconnect`() {
    var outbox = Outbox()
    outbox.becomeDue(intended: 0)
    outbox.becomeDue(intended: 0)
    #expect(outbox.next() == nil)
    outbox.connected()
    #expect(outbox.next() == Outbox.Send(sequence: 0, intended: 0, isRepeat: false, isRetry: false))
    #expect(outbox.next() == Outbox.Send(sequence: 1, intended: 0, isRepeat: false, isRetry: false))
  }

  @Test func `After a lost connection the unacknowledged are sent again, first and in order`() {
    var outbox = outbox(due: 4)
    #expect(drain(&outbox) == [0, 1, 2, 3])
    #expect(outbox.acknowledged(0) != nil)
    #expect(outbox.acknowledged(2) != nil)
    outbox.disconnected()
    outbox.becomeDue(intended: 0)
    outbox.connected()
    #expect(outbox.next() == Outbox.Send(sequence: 1, intended: 0, isRepeat: true, isRetry: false))
    #expect(drain(&outbox) == [3, 4])
  }

  @Test func `After unavailable nothing new leaves before the refused one is acknowledged`() {
    var outbox = outbox(due: 2)
    #expect(drain(&outbox) == [0, 1])
    #expect(outbox.refusedForNow(0) == true)
    outbox.becomeDue(intended: 0)
    #expect(outbox.next() == nil)
    outbox.retryDelayOver()
    #expect(outbox.next() == Outbox.Send(sequence: 0, intended: 0, isRepeat: true, isRetry: true))
    #expect(outbox.next() == nil)
    #expect(outbox.acknowledged(1) != nil)
    #expect(outbox.next() == nil)
    #expect(outbox.acknowledged(0) != nil)
    #expect(drain(&outbox) == [2])
  }

  @Test func `Several refused publications are retried one at a time`() {
    var outbox = outbox(due: 3)
    _ = drain(&outbox)
    for sequence in UInt32(0)..<3 { #expect(outbox.refusedForNow(sequence) == true) }
    outbox.retryDelayOver()
    #expect(drain(&outbox) == [0])
    #expect(outbox.refusedForNow(0) == true)
    #expect(drain(&outbox) == [])
    outbox.retryDelayOver()
    for sequence in UInt32(0)..<3 {
      #expect(drain(&outbox) == [sequence])
      #expect(outbox.acknowledged(sequence) != nil)
    }
    #expect(outbox.isSettled)
  }

  @Test func `A lost connection ends the wait after unavailable`() {
    var outbox = outbox(due: 2)
    _ = drain(&outbox)
    #expect(outbox.refusedForNow(0) == true)
    outbox.disconnected()
    outbox.connected()
    #expect(outbox.next() == Outbox.Send(sequence: 0, intended: 0, isRepeat: true, isRetry: true))
    #expect(outbox.next() == Outbox.Send(sequence: 1, intended: 0, isRepeat: true, isRetry: false))
  }

  @Test func `A publication refused for good stays unacknowledged and holds nothing up`() {
    var outbox = outbox(due: 2)
    _ = drain(&outbox)
    #expect(outbox.refusedForGood(0) == true)
    #expect(outbox.acknowledged(1) != nil)
    #expect(outbox.isSettled)
    #expect(outbox.unacknowledged.ranges == [0..<1])
  }

  @Test func `Acknowledgements of what is not in flight are noticed`() {
    var outbox = outbox(due: 1)
    #expect(outbox.acknowledged(0) == nil)
    _ = drain(&outbox)
    #expect(outbox.acknowledged(7) == nil)
    #expect(outbox.acknowledged(0) != nil)
    #expect(outbox.acknowledged(0) == nil)
    #expect(outbox.refusedForNow(0) == false)
  }

  @Test func `What is due and was never sent is unacknowledged`() {
    var outbox = outbox(due: 2)
    _ = drain(&outbox)
    outbox.disconnected()
    outbox.becomeDue(intended: 0)
    #expect(outbox.unacknowledged.ranges == [0..<3])
  }

  @Test func `Whatever the server does, every publication is settled, first published in order`() {
    var generator = SeededGenerator(seed: 4)
    for _ in 0..<300 {
      var outbox = Outbox()
      var wire: [Outbox.Send] = []
      var published: [UInt32] = []
      var retried: Set<UInt32> = []
      var remaining = 25
      var steps = 0
      while remaining > 0 || !outbox.isSettled {
        steps += 1
        #expect(steps < 100_000)
        // The longer it takes, the better the server behaves, so that it ends.
        let isKind = steps > 2000
        switch isKind ? 2 + steps % 4 : Int.random(in: 0..<8, using: &generator) {
        case 0:
          outbox.disconnected()
          wire = []
        case 1 where !wire.isEmpty:
          let send = wire.removeFirst()
          #expect(outbox.refusedForNow(send.sequence) == true)
          retried.insert(send.sequence)
        case 2: outbox.connected()
        case 3: outbox.retryDelayOver()
        case 4 where remaining > 0:
          remaining -= 1
          outbox.becomeDue(intended: 0)
        default:
          guard !wire.isEmpty else { break }
          let send = wire.removeFirst()
          if !published.contains(send.sequence) { published.append(send.sequence) }
          #expect(outbox.acknowledged(send.sequence) != nil)
        }
        while let send = outbox.next() {
          #expect(send.isRetry == retried.contains(send.sequence))
          wire.append(send)
        }
      }
      #expect(published.sorted() == Array(0..<25))
      // Only a retried publication may come after a later one.
      for (index, sequence) in published.enumerated()
      where published[..<index].contains(where: { $0 > sequence }) {
        #expect(retried.contains(sequence))
      }
      #expect(outbox.unacknowledged.isEmpty)
    }
  }
}
