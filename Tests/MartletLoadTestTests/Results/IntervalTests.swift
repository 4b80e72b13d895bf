import Testing

@testable import MartletLoadTest

@Suite struct IntervalTests {
  private func totals(_ count: Int) -> RunTotals {
    var latencies = Latencies()
    for _ in 0..<count { latencies.deliver.record(nanoseconds: 1_000_000) }
    var totals = RunTotals()
    totals.planned = 10
    totals.joined = count % 10
    totals.counters.sent = count
    totals.counters.delivered = 2 * count
    totals.counters.ephemeralSent = 3 * count
    totals.counters.ephemeralReceived = 4 * count
    totals.counters.errors = ["malformed": count / 2]
    totals.cpuSeconds = Double(count) / 10
    totals.longestLagMilliseconds = Double(count)
    totals.latencies = latencies.distributions
    return totals
  }

  @Test func `A record has what happened since the totals before, and what is now`() {
    var recorder = IntervalRecorder()
    recorder.update(totals(4), atSeconds: 1, phase: "ramp")
    let record = recorder.update(totals(9), atSeconds: 3, phase: "hold")
    #expect(record?.startSeconds == 1 && record?.lengthSeconds == 2 && record?.phase == "hold")
    #expect(record?.sent == 5 && record?.delivered == 10 && record?.errors == 2)
    #expect(record?.ephemeralSent == 15 && record?.ephemeralReceived == 20)
    #expect(record?.joined == 9 && record?.planned == 10)
    #expect(record?.longestLagMilliseconds == 9)
    #expect(record?.latencies.deliver.count == 5)
    #expect(record?.perSecond(5) == 2.5)
    #expect(recorder.records.map(\.sent) == [4, 5])
    #expect(recorder.update(totals(9), atSeconds: 3, phase: "hold") == nil)
  }

  @Test func `Totals that fall count as no change`() {
    var recorder = IntervalRecorder()
    recorder.update(totals(4), atSeconds: 1, phase: "hold")
    let record = recorder.update(totals(1), atSeconds: 2, phase: "hold")
    #expect(record?.sent == 0 && record?.cpuSeconds == 0 && record?.latencies.deliver.count == 0)
  }

  @Test(arguments: [2, 3, 4, 7, 10])
  func `A long series is bounded and loses nothing`(limit: Int) {
    var recorder = IntervalRecorder(limit: limit)
    for second in 1...100 {
      recorder.update(totals(second), atSeconds: Double(second), phase: "hold")
      #expect(recorder.records.count <= limit)
    }
    let records = recorder.records
    #expect(records.reduce(0) { $0 + $1.sent } == 100)
    #expect(records.reduce(0) { $0 + $1.latencies.deliver.count } == 100)
    #expect(records.reduce(0) { $0 + $1.ephemeralReceived } == 400)
    #expect(records.first?.startSeconds == 0 && records.last?.endSeconds == 100)
    for (record, next) in zip(records, records.dropFirst()) {
      #expect(record.endSeconds == next.startSeconds)
    }
  }

  @Test func `Series of two processes add up by time, although their clocks are not in step`() {
    func series(_ shift: Double, _ count: Int) -> [IntervalRecord] {
      (0..<count).map { index in
        var record = IntervalRecord(
          startSeconds: Double(index) + shift, lengthSeconds: 1, phase: "hold")
        record.sent = index + 1
        record.joined = 5
        record.longestLagMilliseconds = shift
        return record
      }
    }
    let merged = IntervalSeries.merged([series(0, 3), series(0.1, 4), []])
    #expect(merged.map(\.sent) == [2, 4, 6, 4])
    #expect(merged.map(\.joined) == [10, 10, 10, 5])
    #expect(merged.first?.startSeconds == 0 && merged.first?.lengthSeconds == 1.1)
    #expect(merged.first?.longestLagMilliseconds == 0.1)

    // A gap keeps its gauges, and finer intervals meet in coarser ones.
    let merged2 = IntervalSeries.merged([[series(0, 1)[0], series(0, 3)[2]], series(0, 3)])
    #expect(merged2.map(\.joined) == [10, 10, 10])
    var halves = series(0, 4)
    for index in halves.indices {
      halves[index].startSeconds /= 2
      halves[index].lengthSeconds /= 2
    }
    #expect(IntervalSeries.merged([halves, series(0, 2)]).map(\.sent) == [4, 9])
  }

  @Test func `Running totals of processes add up, and their longest lag is the longest`() {
    var sum = totals(4)
    sum.add(totals(9))
    #expect(sum.counters.sent == 13 && sum.planned == 20 && sum.longestLagMilliseconds == 9)
    #expect(sum.latencies.deliver.count == 13)
    #expect(sum.cpuSeconds > 1.29 && sum.cpuSeconds < 1.31)
  }
}
