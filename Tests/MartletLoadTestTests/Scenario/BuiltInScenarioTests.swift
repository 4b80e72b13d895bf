import Foundation
import MartletConfiguration
import MartletCore
import Testing

@testable import MartletLoadTest

@Suite struct BuiltInScenarioTests {
  private static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
  private static let folder = root.appending(components: "loadtest", "scenarios")
  private static let systems = ["projects", "construction", "crm", "kanban", "tracker"]

  @Test(arguments: BuiltInScenario.allCases)
  func `A built-in scenario is one, explains itself, and is shown among the others`(
    builtIn: BuiltInScenario
  ) throws {
    let file = try builtIn.file()
    try file.check(file.scenario)
    #expect(file.scenario.name == builtIn.rawValue)
    #expect(!file.scenario.summary.isEmpty && !file.scenario.thresholds.isEmpty)
    #expect(builtIn.comment.contains("martlet-loadtest \(builtIn.rawValue)"))
    let shown = Self.folder.appending(component: "\(builtIn.rawValue).yaml")
    #expect(try String(contentsOf: shown, encoding: .utf8) == builtIn.yaml)
  }

  @Test(arguments: Self.systems)
  func `The scenario of a system is one, and the cluster that its comment starts serves it`(
    system: String
  ) throws {
    let path = Self.folder.appending(component: "\(system).yaml")
    let yaml = try String(contentsOf: path, encoding: .utf8)
    #expect(yaml.contains("MARTLET_CONFIG=loadtest/scenarios/servers/\(system).yaml cluster/up"))
    let scenario = try Scenario(yaml: yaml, file: path.path(), environment: [:]) { _ in nil }
    #expect(scenario.name == system && !scenario.thresholds.isEmpty)

    let server = Self.folder.appending(components: "servers", "\(system).yaml")
    let configuration = try Configuration(
      yaml: String(contentsOf: server, encoding: .utf8), file: server.path(),
      environment: [
        "MARTLET_REDIS_A": "redis://127.0.0.1:1", "MARTLET_REDIS_B": "redis://127.0.0.1:2",
      ], readFile: { _ in nil })
    for behaviour in scenario.behaviours {
      let path = behaviour.path.split(separator: "?")[0].replacing("{group}", with: "7")
      let route = try #require(
        configuration.routing.routes.first { $0.path.match(path[...]) != nil },
        "\(behaviour.path)")
      if let publishing = behaviour.publishing {
        let rule = try #require(route.events[publishing.type], "\(publishing.type)")
        #expect((rule.kind == .ephemeral) == publishing.isEphemeral)
      }
    }
  }

  @Test func `Nothing else lies among the scenarios`() throws {
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path())
    let expected = BuiltInScenario.allCases.map(\.rawValue) + Self.systems
    #expect(Set(names) == Set(expected.map { "\($0).yaml" } + ["servers"]))
  }
}
