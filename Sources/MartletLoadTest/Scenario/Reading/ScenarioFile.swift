package import MartletConfiguration

/// A scenario in YAML, read strictly: docs/loadtest.md, Scenario files.
///
/// Reading judges each key by itself; ``check(_:)`` judges the scenario as a whole, be it as it was read or changed by options of the
/// command line, and errors still name the line.
package struct ScenarioFile {
  /// As it was read; what does not fit together is refused by ``check(_:)``.
  package let scenario: Scenario
  private let root: ConfigurationNode

  /// - Parameters:
  ///   - file: its name, for errors; without its ending also the name of a scenario that has none.
  ///   - environment: what `${NAME}` stand for.
  ///   - readFile: reads the files that the scenario names (tokens, secrets, authorities); nil if it cannot.
  package init(
    yaml: String, file: String, environment: [String: String], readFile: (String) -> String?
  ) throws(ConfigurationError) {
    let root = try ConfigurationDocument(file: file, environment: environment).root(of: yaml)
    self.root = root.node
    scenario = try Scenario(root, defaultName: Self.stem(file), readFile)
  }

  /// - Throws: `ConfigurationError` with the line of the key that does not fit.
  package func check(_ scenario: Scenario) throws(ConfigurationError) {
    do throws(ScenarioError) {
      try scenario.validate()
    } catch {
      let place = root.nearest(to: error.key).error("")
      throw ConfigurationError(
        file: place.file, line: error.key.isEmpty ? nil : place.line, key: error.key,
        problem: error.problem)
    }
  }

  private static func stem(_ file: String) -> String {
    let name = file.split(separator: "/").last ?? ""
    return String(name.hasSuffix(".yaml") ? name.dropLast(5) : name)
  }
}

extension Scenario {
  /// Reads and checks a scenario file's text; the parameters are those of ``ScenarioFile``.
  package init(
    yaml: String, file: String, environment: [String: String], readFile: (String) -> String?
  ) throws(ConfigurationError) {
    let read = try ScenarioFile(
      yaml: yaml, file: file, environment: environment, readFile: readFile)
    try read.check(read.scenario)
    self = read.scenario
  }
}
