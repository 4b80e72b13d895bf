import Foundation
import Testing

@testable import MartletLoadTest

@Suite struct ResultLinesTests {
  private func lines(_ report: LoadTestReport) throws -> [String] {
    String(decoding: try ResultLines.render(report), as: UTF8.self)
      .split(separator: "\n").map(String.init)
  }

  private func full() -> LoadTestReport {
    var report = ReportFixtures.report(seconds: 10, disturbedAt: 5)
    report.judge(by: ReportFixtures.thresholds)
    report.clockErrorMilliseconds = 1.5
    report.observers = 100
    report.processes = [
      ProcessHealth(name: "worker 0", loops: 2, health: ReportFixtures.healthy)
    ]
    return report
  }

  @Test func `A file has a line for each interval and the summary last, and reads back the same`()
    throws
  {
    let report = full()
    let lines = try lines(report)
    #expect(lines.count == 11)
    #expect(lines.dropLast().allSatisfy { $0.contains("\"type\":\"interval\"") })
    #expect(lines.last?.contains("\"type\":\"summary\"") == true)
    #expect(try ResultLines.read(ResultLines.render(report)) == report)
    let empty = ReportFixtures.empty()
    #expect(try ResultLines.read(ResultLines.render(empty)) == empty)
  }

  /// docs/loadtest.md lists them.
  @Test func `The keys of the summary are those of the document`() throws {
    let line = try #require(lines(full()).last)
    let object = try #require(
      JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
    #expect(
      object.keys.sorted() == [
        "clients", "clock_error_ms", "command_line", "connections", "deliveries", "errors",
        "exit_status", "faults", "generator", "generator_bound", "groups", "histograms",
        "interrupted", "latencies", "loops", "observers", "phases", "processes", "publications",
        "run",
        "run_seconds", "scenario", "seed", "started_at", "thresholds", "type", "workers",
      ])
    let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent()
    let document = try String(
      contentsOf: folder.appending(path: "docs/loadtest.md"), encoding: .utf8)
    for key in object.keys { #expect(document.contains("`\(key)`"), "\(key) is not documented") }
  }

  @Test func `The single object of the first version still reads, on several lines`() throws {
    let text = """
      {"clients": 4, "command_line": "martlet-loadtest run", "groups": 2, "run": "r",
      "run_seconds": 1.5, "interrupted": false, "generator_bound": false,
      "connections": {"joined": 4, "attempts": 4, "failed_attempts": 0, "reconnects": 0,
      "recovered": 0, "not_recovered": 0, "resyncs": 0, "ends": {}},
      "publications": {"due": 3, "sent": 3, "resent": 0, "acknowledged": 3, "unacknowledged": 0,
      "sent_per_second": 2},
      "deliveries": {"expected": 6, "delivered": 6, "lost": 0, "duplicated": 0, "reordered": 0,
      "overtaken": 0, "foreign": 0, "delivered_per_second": 4, "offenders": []},
      "latencies": {"deliver": {"count": 6, "min_ms": 1, "mean_ms": 2, "p50_ms": 2, "p90_ms": 3,
      "p99_ms": 4, "p999_ms": 5, "max_ms": 6}},
      "errors": {}, "generator": {"cpu_seconds": 1, "cpu_share": 0.5, "max_loop_lag_ms": 1,
      "late_sends": 0, "late_share": 0}}
      """
    let report = try ResultLines.read([UInt8](text.utf8))
    #expect(report.deliveries.delivered == 6)
    #expect(report.latencies.deliver.p99 == 4)
    // Without histograms, percentiles of a sum are bounded by the larger one.
    var later = ReportFixtures.report(seconds: 5)
    later.judge(by: [])
    let merged = report.merged(with: later)
    #expect(merged.latencies.deliver.count == 1006)
    #expect(merged.latencies.deliver.p99 == max(4, later.latencies.deliver.p99))
  }

  @Test func `Intervals of versions that did not count ephemeral events still read`() throws {
    var report = full()
    report.intervals[2].ephemeralSent = 7
    report.intervals[2].ephemeralReceived = 8
    #expect(try ResultLines.read(ResultLines.render(report)) == report)
    let older = try lines(report).joined(separator: "\n")
      .replacing(/"ephemeral_(sent|received)":\d+,/, with: "")
    #expect(try ResultLines.read([UInt8](older.utf8)).intervals == full().intervals)
  }

  @Test func `A file that is not a result is refused with the line and what is wrong`() throws {
    func reason(_ text: String) -> String? {
      do {
        _ = try ResultLines.read([UInt8](text.utf8))
        return nil
      } catch {
        return error.description
      }
    }
    let lines = try lines(full())
    #expect(reason("")?.contains("there is no summary") == true)
    #expect(reason(lines[0])?.contains("there is no summary") == true)
    #expect(reason(lines[0] + "\nrubbish")?.hasPrefix("line 2: not JSON") == true)
    #expect(reason("{}")?.contains("\"type\" of interval or summary") == true)
    #expect(reason("{\"type\":\"other\"}")?.hasPrefix("line 1: key 'type'") == true)
    #expect(
      reason("{\"type\":\"interval\"}") == "line 1: key 'start_seconds' is missing")
    #expect(
      reason("\n{\"type\":\"summary\"}") == "line 2: key 'command_line' is missing")
    let summary = lines[10]
    #expect(reason(summary + "\n" + lines[0]) == "line 2: nothing may follow the summary")
    let unknown = summary.replacing("\"metric\":\"presence.p99\"", with: "\"metric\":\"wins\"")
    #expect(reason(unknown)?.contains("unknown: 'wins'") == true)
  }
}
