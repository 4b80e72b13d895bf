package import ArgumentParser
internal import Foundation
package import Logging
package import MartletConfiguration
package import MartletCore

/// The options that every daemon has, and its exit statuses (sysexits.h).
package struct DaemonOptions: ParsableArguments {
  /// EX_CONFIG.
  private static let configurationStatus: Int32 = 78

  @Option(name: .shortAndLong, help: "The configuration file (docs/configuration.md).")
  package var config: String

  @Option(help: "Where health and metrics are, instead of the file's `admin`.")
  package var admin: HostAndPort?

  @Flag(help: "Only check the configuration.")
  package var check = false

  package init() {}

  /// The configuration with the options' values; ends the process with a message if it is wrong.
  package func load() -> Configuration {
    do throws(ConfigurationError) {
      var configuration = try ConfigurationFile.load(config)
      if let admin { configuration.admin = admin }
      return configuration
    } catch {
      Self.fail("\(error)", status: Self.configurationStatus)
    }
  }

  /// Runs a daemon; ends the process with a message if it fails.
  package func exitOnFailure(_ logger: Logger, _ body: () async throws -> Void) async {
    do {
      try await body()
    } catch let error as ConfigurationError {
      Self.fail("\(error)", status: Self.configurationStatus)
    } catch {
      Self.fail("\(error)", status: 1)
    }
  }

  private static func fail(_ message: String, status: Int32) -> Never {
    FileHandle.standardError.write(Data("error: \(message)\n".utf8))
    Foundation.exit(status)
  }
}

extension HostAndPort: ExpressibleByArgument {
  /// Reads `HOST:PORT`.
  package init?(argument: String) {
    self.init(argument)
  }
}
