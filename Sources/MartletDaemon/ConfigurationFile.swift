internal import Foundation
package import MartletConfiguration

/// Loads the configuration with the process' environment and files.
package enum ConfigurationFile {
  /// Reads and checks the file at `path`.
  package static func load(_ path: String) throws(ConfigurationError) -> Configuration {
    guard let yaml = read(path) else {
      throw ConfigurationError(
        file: path, line: nil, key: "", problem: "the file cannot be read")
    }
    return try Configuration(
      yaml: yaml, file: path, environment: ProcessInfo.processInfo.environment, readFile: read)
  }

  private static func read(_ path: String) -> String? {
    try? String(contentsOfFile: path, encoding: .utf8)
  }
}
