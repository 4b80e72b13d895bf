internal import ArgumentParser
internal import Foundation
internal import MartletConfiguration
internal import MartletCore
internal import MartletDaemon
internal import MartletGateway

@main
struct GatewayCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet-gateway",
    abstract: "Terminates WebSockets and routes group messages through the backplane.",
    discussion: """
      EXAMPLE
        martlet-gateway --config cluster/demo.yaml

      SIGTERM or Ctrl-C drains: clients are told to reconnect elsewhere, then the program ends.
      Exit status: 0 after a drain, 64 for wrong options, 78 for a wrong configuration, 1 otherwise.
      """,
    version: ProgramVersion.text)

  @OptionGroup var options: DaemonOptions

  @Option(help: "Where clients connect, instead of the file's `listen`.")
  var listen: HostAndPort?

  func run() async throws {
    var settings = options.load()
    if let listen { settings.listen = listen }
    if options.check { return print("\(options.config) is a valid configuration") }
    let logger = DaemonLog.bootstrap(level: settings.logLevel)
    await options.exitOnFailure(logger) {
      try await DaemonRun.run(
        GatewayService(settings, file: options.config, logger: logger), logger: logger)
    }
  }
}
