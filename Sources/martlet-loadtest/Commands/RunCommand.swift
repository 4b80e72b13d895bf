import ArgumentParser
import MartletLoadTest

/// `martlet-loadtest run`: a scenario file, or flags alone.
struct RunCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Runs a scenario file, or what the flags say, and reports.",
    discussion: """
      With a scenario the flags change it: --target, --clients and the like go before what the file \
      says.

      Without one, client i joins group i mod GROUPS by way of target i mod TARGETS. When all have \
      joined, each publishes RATE events per second on a schedule decided in advance; every member \
      of a group must receive every publication of its group, its own included. --target, --clients \
      and --groups are needed.

      Latencies count from the time at which a publication was intended to leave. A client that \
      loses its connection goes on at the next target, from its position.

      EXAMPLES
        martlet-loadtest run loadtest/scenarios/kanban.yaml --html kanban.html

        martlet-loadtest run --target ws://127.0.0.1:8080,ws://127.0.0.1:8081 \\
          --clients 1000 --groups 100 --rate 1 --size 128 \\
          --duration 30s --json result.json

      EXIT STATUS
      \(ExitStatus.table)

      Durations are whole numbers with a unit: 250ms, 30s, 10m, 1h, 1d.
      """)

  @Argument(help: "A scenario file (docs/loadtest.md).")
  var scenario: String?

  @OptionGroup var options: RunOptions

  @Option(
    help: """
      Take a share of the run that the coordinator at this address (http://HOST:PORT) hands out; \
      allows no other option.
      """)
  var worker: String?

  func validate() throws {
    try Program.validated {
      _ = try options.outputs()
      _ = try request()
    }
  }

  func run() async throws {
    let outputs = try options.outputs()
    let distribution = try distribution()
    switch try request() {
    case .scenario(let scenario):
      try await Program.finish(
        Actions.run(scenario, outputs: outputs, distribution: distribution))
    case .worker:
      guard case .worker(let coordinator) = distribution else { return }
      try await Program.finish(Actions.work(for: coordinator))
    }
  }

  private func distribution() throws(SettingsError) -> Distribution {
    try options.distribution(worker: worker, hasScenario: scenario != nil)
  }

  private func request() throws -> RunRequest {
    try RunRequest(
      file: scenario.map(ScenarioArgument.read), flags: options.load.flags,
      distribution: distribution())
  }
}
