import MartletCore
import Testing

@testable import MartletPresence

@Suite("Report queue")
struct ReportQueueTests {
  var queue = ReportQueue(gateway: "g")

  private mutating func leave(_ connectionID: String) {
    queue.leave(group: Examples.group, connectionID: connectionID)
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
          .leave(group: Examples.group, connectionID: "c1"))
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

  @Test("a goodbye is the last word, whatever was pending")
  mutating func goodbye() {
    queue.registered(isNew: true)
    queue.join(Examples.session("c1"))
    _ = queue.reportsToSend()
    #expect(queue.goodbye() == PresenceReport(gateway: "g", sequence: 2, body: .goodbye))
    #expect(queue.sessions(of: Examples.group) == [])
  }
}
