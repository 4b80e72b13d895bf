import ArgumentParser
import MartletLoadTest

/// The program: each subcommand reads options; what they come to is done by `Actions`.
@main
struct MartletLoadTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet-loadtest",
    abstract:
      "Drives simulated clients against WebSocket servers and proves that nothing was lost.",
    discussion: """
      A scenario says who connects, what they publish and what has to hold: a YAML file, or one of \
      those that are built in. Schedules are fixed in advance, latencies count from the time at \
      which a publication was intended, and sequence numbers prove that everything arrived once, \
      in order. Scenario files and results are described in docs/loadtest.md.

      EXAMPLES
        A chat of 2,000 people on the cluster that cluster/up started:
          martlet-loadtest chat --clients 2000

        A scenario of one's own, looked at, then run:
          martlet-loadtest validate release.yaml
          martlet-loadtest run release.yaml --json release.json --html release.html

        The same against another cluster, twice as long:
          martlet-loadtest run release.yaml --target wss://chat.example --duration 2m

        By flags alone:
          martlet-loadtest run --target ws://127.0.0.1:8080 \\
            --clients 1000 --groups 100

        From three processes:
          martlet-loadtest run release.yaml --coordinator 9100 --workers 2
          martlet-loadtest run --worker http://127.0.0.1:9100      (twice)

      EXIT STATUS
      \(ExitStatus.table)
      """,
    groupedSubcommands: [
      CommandGroup(
        name: "Scenarios",
        subcommands: [RunCommand.self, ValidateCommand.self, FindMaxCommand.self]),
      CommandGroup(
        name: "Built in",
        subcommands: [
          BuiltInCommand<BuiltIn.Connect>.self, BuiltInCommand<BuiltIn.Fanout>.self,
          BuiltInCommand<BuiltIn.Chat>.self, BuiltInCommand<BuiltIn.Presence>.self,
          BuiltInCommand<BuiltIn.Typing>.self, BuiltInCommand<BuiltIn.ReconnectStorm>.self,
          BuiltInCommand<BuiltIn.Soak>.self,
        ]),
      CommandGroup(name: "Results", subcommands: [ReportCommand.self]),
    ])
}
