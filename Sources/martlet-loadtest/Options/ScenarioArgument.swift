import Foundation
import MartletConfiguration
import MartletLoadTest

/// A scenario that the command line names.
enum ScenarioArgument {
  /// Reads the file and those that it names, with `${NAME}` from the environment.
  static func read(_ path: String) throws(RunRequestError) -> ScenarioFile {
    guard let yaml = contents(path) else {
      throw RunRequestError("cannot read the scenario '\(path)'")
    }
    do throws(ConfigurationError) {
      return try ScenarioFile(
        yaml: yaml, file: path, environment: ProcessInfo.processInfo.environment,
        readFile: contents)
    } catch {
      throw RunRequestError(error.description)
    }
  }

  private static func contents(_ path: String) -> String? {
    try? String(contentsOf: URL(filePath: path), encoding: .utf8)
  }
}
