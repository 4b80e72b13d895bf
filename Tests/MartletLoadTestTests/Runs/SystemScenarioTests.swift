import Foundation
import MartletTestSupport
import Testing

@testable import MartletLoadTest

/// The scenarios of the reference systems, each against a gateway with its configuration.
@Suite struct SystemScenarioTests {
  private static let folder = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "loadtest/scenarios")

  private static func read(_ name: String) throws -> String {
    try String(contentsOf: folder.appending(path: name), encoding: .utf8)
  }

  /// The configuration with a backplane in memory.
  private static func configuration(_ name: String) throws -> String {
    let lines = try read("servers/\(name).yaml").split(
      separator: "\n", omittingEmptySubsequences: false)
    let begin = try #require(lines.firstIndex { $0.hasPrefix("backplane:") })
    let end = try #require(
      lines[(begin + 1)...].firstIndex { $0.first.map { $0.isLetter || $0 == "#" } ?? false })
    let changed = lines[..<begin] + ["backplane: {kind: memory}"] + lines[end...]
    return changed.joined(separator: "\n")
      .replacing(#/\$\{[A-Z_]+:-([^}]*)\}/#) { $0.output.1 }
  }

  @Test(arguments: ["construction", "crm", "kanban", "projects", "tracker"])
  func `Everything arrives, and no client understands anything wrong`(name: String) async throws {
    let yaml = try Self.read("\(name).yaml")
    let file = try ScenarioFile(
      yaml: yaml, file: name, environment: [:], readFile: { _ in nil })
    try await RealGateway.start(configuration: Self.configuration(name)).use { gateway in
      var scenario = file.scenario
      scenario.targets = [Target(host: "127.0.0.1", port: gateway.port)]
      let most = try #require(scenario.phases.compactMap(\.clients).max())
      let clients = 60
      for index in scenario.phases.indices {
        if let before = scenario.phases[index].clients {
          scenario.phases[index].clients = before * clients / most
        }
        scenario.phases[index].ramp = .zero
        scenario.phases[index].hold = .seconds(2)
      }
      for index in scenario.behaviours.indices {
        if let publishing = scenario.behaviours[index].publishing {
          scenario.behaviours[index].publishing?.gap = publishing.gap.scaled(toRate: 2)
        }
      }
      // Their moments are those of the whole scenario, and speed is not judged here.
      scenario.faults = []
      scenario.thresholds = []
      try scenario.validate()
      var generator = SeededGenerator(seed: 1)
      let report = try await LoadTest(
        scenario: scenario, run: RunIdentifier(using: &generator)
      ).execute()
      #expect(report.exitStatus == .ok, "\(ReportTable.render(report))")
      #expect(report.errors == [:] && report.connections.failedAttempts == 0)
      #expect(report.connections.joined > 0 && report.deliveries.expected > 0)
      #expect(report.publications.acknowledged == report.publications.due)
    }
  }
}
