import MartletConfiguration

@testable import MartletLoadTest

enum Fixtures {
  /// A small scenario; the text behind each key replaces what is there.
  static func yaml(_ changes: [String: String] = [:]) -> String {
    let keys = [
      "targets": "[ws://127.0.0.1:1]", "groups": "{rooms: {count: 2}}",
      "behaviours": "[{name: talker, path: '/ws/{group}/', publish: {rate: 1}}]",
      "phases": "[{name: join, clients: 10, ramp: 1s, pace: 0}, {name: run, hold: 10s}]",
    ].merging(changes) { $1 }
    return keys.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)" }.joined(separator: "\n")
  }

  static func scenario(
    _ yaml: String = yaml(), environment: [String: String] = [:], files: [String: String] = [:]
  ) throws -> Scenario {
    try Scenario(yaml: yaml, file: "s.yaml", environment: environment) { files[$0] }
  }

  static func file(_ yaml: String = yaml()) throws -> ScenarioFile {
    try ScenarioFile(yaml: yaml, file: "s.yaml", environment: [:]) { _ in nil }
  }
}
