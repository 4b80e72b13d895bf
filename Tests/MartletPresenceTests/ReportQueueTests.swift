import MartletCore
import Testing

@testable import MartletPresence

@Suite("Report queue")
struct ReportQueueTests {
  var queue = ReportQueue(gateway: "g")

  private mutating func leave(_ connectionID: String) {
    queue.leave(Membership(group: Examples.group, connectionID: connectionID))
  }

  @Test("nothing is reported before the shard knows the gateway, then everything in order")
  mutating func registration() {
    #expect(!queue.isActive)
    let sessions = (0..<10).map { Examples.session("c\($0)") }
    for session in sessions { queue.join(session) }
    #expect(queue.awaitsRegistration && queue.reportsToSend() == [])
    queue.registered(isNew: true)
    #expect(
      queue.reportsToSend() == [
        PresenceReport(gateway: "g", sequence: 1, body: .snapshot(sessions))
      ])
    #expect(queue.reportsToSend() == [])
  }

  @Test("changes travel in order, repetitions not at all")
  mutating func operations() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    queue.join(Examples.session("c1"))
    leave("c2")
    leave("c1")
    #expect(
      queue.reportsToSend() == [
        .operations(
          "g", 1, .join(Examples.session("c1")),
          Examples.leave("c1"))
      ])
    #expect(!queue.isSettled)
    queue.acknowledged(1)
    #expect(queue.isSettled)
  }

  @Test("after a lost connection the unacknowledged is repeated in order, or an empty report sent")
  mutating func repetition() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    var sent = queue.reportsToSend()
    queue.join(Examples.session("c2"))
    sent += queue.reportsToSend()
    #expect(queue.reportsToRepeat() == sent)
    queue.acknowledged(2)
    #expect(queue.reportsToRepeat() == [.operations("g", 3)])
  }

  @Test("a refused report and a lost registration are answered with a snapshot")
  mutating func snapshots() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    _ = queue.reportsToSend()
    queue.join(Examples.session("c2"))
    _ = queue.reportsToSend()
    leave("c1")
    queue.refused(1)
    queue.refused(2)
    #expect(queue.reportsToSend() == [.snapshot("g", 3, Examples.session("c2"))])
    queue.registered(isNew: false)
    #expect(queue.reportsToSend() == [])
    queue.registered(isNew: true)
    #expect(queue.reportsToSend() == [.snapshot("g", 4, Examples.session("c2"))])
  }

  @Test("a long outage keeps no more than the sessions")
  mutating func bound() {
    queue.registered(isNew: true)
    for _ in 0..<ReportQueue.maximumQueued {
      queue.join(Examples.session("c"))
      leave("c")
    }
    queue.join(Examples.session("stays"))
    #expect(queue.reportsToSend() == [.snapshot("g", 1, Examples.session("stays"))])
  }

  @Test("a batch is cut into reports of bounded size")
  mutating func reportSize() {
    queue.registered(isNew: true)
    for number in 0...ReportQueue.maximumOperations { queue.join(Examples.session("c\(number)")) }
    #expect(queue.reportsToSend().map(\.sequence) == [1, 2])
  }

  @Test("another meta replaces the one that was not sent yet, in its place")
  mutating func metas() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    queue.join(Examples.session("c2"))
    queue.join(Examples.session("c1", meta: #"{"page":"a"}"#))
    queue.join(Examples.session("c1", meta: #"{"page":"b"}"#))
    let last = Examples.session("c1", meta: #"{"page":"b"}"#)
    #expect(
      queue.reportsToSend() == [.operations("g", 1, .join(last), .join(Examples.session("c2")))])
    queue.join(Examples.session("c1"))
    queue.seen(Membership(last), age: 3)
    queue.seen(Membership(group: Examples.group, connectionID: "unknown"), age: 3)
    #expect(
      queue.reportsToSend() == [
        .operations("g", 2, .join(Examples.session("c1")), .seen(Membership(last), age: 3))
      ])
  }

  @Test("a drain is told once, and again after a snapshot")
  mutating func drain() {
    queue.registered(isNew: true)
    queue.drain()
    #expect(queue.reportsToSend() == [])
    queue.join(Examples.session("c1"))
    _ = queue.reportsToSend()
    queue = ReportQueue(gateway: "g")
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    queue.drain()
    queue.drain()
    #expect(
      queue.reportsToSend().map(\.body) == [
        .operations([.join(Examples.session("c1"))]), .drain,
      ])
    queue.registered(isNew: true)
    #expect(queue.reportsToSend().map(\.body) == [.snapshot([Examples.session("c1")]), .drain])
  }

  @Test("a goodbye is the last word, whatever was pending")
  mutating func goodbye() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    _ = queue.reportsToSend()
    #expect(queue.goodbye() == PresenceReport(gateway: "g", sequence: 2, body: .goodbye))
  }
}
