import NIOCore
import Testing

@testable import MartletLoadTest

@Suite struct ScheduleTests {
  @Test func `Phases divide one interval evenly`() {
    let schedule = Schedule(clients: 4, rate: 2, duration: .seconds(10))
    #expect(
      (0..<4).map { schedule.intended(publisher: $0, sequence: 0) / 1_000_000 } == [
        0, 125, 250, 375,
      ])
    #expect(schedule.intended(publisher: 1, sequence: 3) == 1_625_000_000)
  }

  @Test func `A schedule has exactly the publications that are due within the duration`() {
    for rate in [0.3, 1.0, 3.0, 7.7, 1000.0] {
      for milliseconds in [1, 999, 1000, 1001, 3333] {
        let schedule = Schedule(clients: 7, rate: rate, duration: .milliseconds(milliseconds))
        let end = UInt64(milliseconds) * 1_000_000
        for publisher in 0..<7 {
          let count = schedule.count(publisher: publisher)
          #expect(schedule.intended(publisher: publisher, sequence: count) >= end)
          if count > 0 {
            #expect(schedule.intended(publisher: publisher, sequence: count - 1) < end)
          }
          #expect(count <= schedule.count(publisher: 0))
        }
      }
    }
  }

  @Test func `Rate zero publishes nothing`() {
    let schedule = Schedule(clients: 2, rate: 0, duration: .seconds(10))
    #expect(schedule.count(publisher: 0) == 0)
  }
}

@Suite struct EventTemplateTests {
  @Test func `An event has exactly the asked size without ref and idempotency_id`() {
    var settings = Fixtures.settings()
    let run = RunIdentifier.example
    for extra in [0, 1, 40, 5000] {
      settings.size = EventTemplate(settings, run: run).smallestSize + extra
      let template = EventTemplate(settings, run: run)
      for sequence in [UInt32(0), 9] {
        var buffer = ByteBuffer()
        template.write(
          .init(publisher: 1, sequence: sequence, intended: 999_999_999, isRetry: false),
          into: &buffer)
        let text = String(buffer: buffer)
        let event = text.replacing(
          ",\"ref\":\(sequence),\"idempotency_id\":\"00000000-1-\(sequence)\"", with: "")
        #expect(event.utf8.count == settings.size)
        #expect(event != text)
      }
    }
  }

  @Test func `What a template writes is what the scanner reads`() throws {
    let settings = Fixtures.settings()
    let template = EventTemplate(settings, run: .example)
    var buffer = ByteBuffer()
    template.write(
      .init(publisher: 3, sequence: 17, intended: 123_456_789, isRetry: true), into: &buffer)
    let message = try ServerMessage.parse(buffer.readableBytesUInt8Span, run: JSONKey("00000000"))
    #expect(
      message
        == .publication(
          .init(publisher: 3, sequence: 17, intended: 123_456_789, isRetry: true, offset: nil)))
  }
}

enum Fixtures {
  static func settings() -> LoadTestSettings {
    LoadTestSettings(
      targets: [Target(host: "127.0.0.1", port: 1)], clients: 4, groups: 2, rate: 10, size: 128,
      duration: .seconds(1))
  }
}
