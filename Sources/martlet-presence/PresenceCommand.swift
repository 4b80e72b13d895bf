internal import ArgumentParser
internal import MartletConfiguration
internal import MartletDaemon

@main
struct PresenceCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet-presence",
    abstract: "Knows who is in which group, and tells the members who comes and goes.",
    discussion: """
      Run two or more beside the gateways, with the same configuration file: they share the work, \
      and one takes over when another ends.

      EXAMPLE
        martlet-presence --config cluster/cluster.yaml --admin 127.0.0.1:8091

      SIGTERM or Ctrl-C hands the work over, then the program ends.
      Exit status: 0 after that, 64 for wrong options, 78 for a wrong configuration, 1 otherwise.
      """,
    version: ProgramVersion.text)

  @OptionGroup var options: DaemonOptions

  func run() async throws {
    let settings = options.load()
    if options.check { return print("\(options.config) is a valid configuration") }
    let logger = DaemonLog.bootstrap(level: settings.logLevel)
    await options.exitOnFailure(logger) {
      guard settings.backplane.kind == .redis else {
        throw ConfigurationError(
          file: options.config, line: nil, key: "backplane.kind",
          problem: "is \(settings.backplane.kind.rawValue), where presence runs inside the one"
            + " gateway; this program needs redis")
      }
      try await DaemonRun.run(PresenceService(settings, logger: logger), logger: logger)
    }
  }
}
