/// Why a scenario is refused, wherever it came from: which key, and what is wrong with it.
package struct ScenarioError: Error, Equatable, CustomStringConvertible {
  /// As a scenario file has it, such as `behaviours[0].path`; empty: the scenario as a whole.
  package let key: String
  package let problem: String

  package init(key: String, problem: String) {
    self.key = key
    self.problem = problem
  }

  package var description: String { key.isEmpty ? problem : "\(key): \(problem)" }
}
