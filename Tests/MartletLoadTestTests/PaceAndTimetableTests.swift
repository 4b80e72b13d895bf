import MartletTestSupport
import Testing

@testable import MartletLoadTest

@Suite struct PaceTests {
  @Test func `Nothing is due before there is a pace, or while it is zero`() {
    var pace = Pace()
    #expect(pace.time(of: 0) == nil)
    pace.change(to: 0, at: 0)
    #expect(pace.time(of: 0) == nil && pace.work(at: 1_000) == 0)
    pace.change(to: 1, at: 1_000)
    #expect(pace.time(of: 0) == 1_000 && pace.time(of: 5) == 1_005)
  }

  @Test func `Work comes at the pace of its stretch`() {
    var pace = Pace()
    pace.change(to: 1, at: 100)
    pace.change(to: 3, at: 200)
    pace.change(to: 0, at: 300)
    pace.change(to: 0.5, at: 400)
    #expect(pace.work(at: 150) == 50 && pace.work(at: 250) == 250)
    #expect(pace.work(at: 350) == 400 && pace.work(at: 420) == 410)
    #expect(pace.time(of: 250) == 250 && pace.time(of: 410) == 420)
  }

  @Test func `What is due at the very end of a stretch belongs to the next that brings any`() {
    var pace = Pace()
    pace.change(to: 1, at: 0)
    pace.change(to: 0, at: 100)
    #expect(pace.time(of: 99) == 99 && pace.time(of: 100) == nil)
    pace.change(to: 1, at: 500)
    #expect(pace.time(of: 100) == 500)
  }

  @Test func `What was said of later times is taken back`() {
    var pace = Pace()
    pace.change(to: 1, at: 0)
    pace.change(to: 0, at: 1_000)
    pace.change(to: 2, at: 500)
    #expect(pace.work(at: 1_000) == 1_500)
  }
}

@Suite struct TimelineTests {
  @Test func `Whoever hears late of a phase has published nothing that it changes`() {
    var first = Phase(name: "first")
    first.pace = 2
    var prompt = Timeline()
    prompt.begin(first, at: 0)
    prompt.stop(at: 1_000)
    var late = prompt
    prompt.begin(Phase(name: "second"), at: 1_000)
    // What is due for the late one, at whatever time it looks, is due at the same time for the other.
    #expect(late.pace.work(at: 5_000) == 2_000 && late.pace.time(of: 2_000) == nil)
    for work in [0.0, 500, 1_999] {
      #expect(late.pace.time(of: work) == prompt.pace.time(of: work))
    }
    late.begin(Phase(name: "second"), at: 1_000)
    #expect(late == prompt && late.pace.time(of: 2_500) == 1_500)
  }
}

@Suite struct TimetableTests {
  private let random = SeededRandom(seed: 9)

  private func dues(_ table: Timetable, _ count: Int) -> [Double] {
    var table = table
    return (0..<count).map { _ in
      defer { table.advance() }
      return table.due
    }
  }

  @Test func `Clients with constant gaps divide one gap evenly`() {
    let tables = (0..<4).map {
      Timetable(
        .constant(.milliseconds(500)), client: $0, of: 4, origin: 1e9, random: random)
    }
    #expect(tables.map(\.due) == [1e9, 1.125e9, 1.25e9, 1.375e9])
    #expect(dues(tables[1], 3) == [1.125e9, 1.625e9, 2.125e9])
  }

  @Test func `Think times stay within their bounds, and their mean is in the middle`() {
    let table = Timetable(
      .uniform(.seconds(1), .seconds(3)), client: 5, of: 10, origin: 0, random: random)
    let dues = dues(table, 2_000)
    let gaps = zip(dues, dues.dropFirst()).map { $1 - $0 }
    #expect(gaps.allSatisfy { (1e9...3e9).contains($0) })
    #expect(abs(gaps.reduce(0, +) / Double(gaps.count) - 2e9) < 0.05e9)
    #expect(dues[0] <= 3e9)
  }

  @Test func `Exponential gaps have their mean and its deviation`() {
    let table = Timetable(
      .exponential(mean: .seconds(2)), client: 5, of: 10, origin: 0, random: random)
    let dues = dues(table, 4_000)
    let gaps = zip(dues, dues.dropFirst()).map { $1 - $0 }
    let mean = gaps.reduce(0, +) / Double(gaps.count)
    let variance = gaps.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(gaps.count)
    #expect(abs(mean - 2e9) < 0.1e9)
    #expect(abs(variance / (mean * mean) - 1) < 0.15)
  }

  @Test(arguments: [
    Publishing.Gap.constant(.milliseconds(333)), .uniform(.milliseconds(10), .seconds(1)),
    .exponential(mean: .milliseconds(200)),
  ])
  func `The first publication from a place on is found as by walking`(_ gap: Publishing.Gap) {
    let seed = UInt64.random(in: 0 ... .max)
    print("TimetableTests seed: \(seed)")
    var generator = SeededGenerator(seed: seed)
    var pace = Pace()
    pace.change(to: 1, at: 0)
    for client in 0..<5 {
      let origin = Double(UInt64.random(in: 0...5_000_000_000, using: &generator))
      let table = Timetable(gap, client: client, of: 5, origin: origin, random: random)
      let places = dues(table, 200)
      var index = SequenceIndex(table, count: 200, pace, publisher: 0)
      for _ in 0..<200 {
        let time = UInt64.random(in: 0...80_000_000_000, using: &generator)
        let walked = places.firstIndex { $0 >= Double(time) } ?? 200
        #expect(index.first(from: time) == UInt32(walked))
        let exact = UInt64(places[Int.random(in: 0..<200, using: &generator)].rounded(.up))
        let walkedExact = places.firstIndex { $0 >= Double(exact) } ?? 200
        #expect(index.first(from: exact) == UInt32(walkedExact))
      }
    }
  }
}
