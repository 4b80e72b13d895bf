import ArgumentParser
import MartletCore
import MartletLoadTest

extension MaximumSearch.Raised: ExpressibleByArgument {}

/// `martlet-loadtest find-max`: the search's options in, the last good value out.
struct FindMaxCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: BuiltInScenario.findMax.rawValue,
    abstract: "Raises clients or rate until a threshold fails, and names the last good value.",
    discussion: """
      Runs a scenario again and again. Each trial has FACTOR times the clients (or the rate) of the \
      one before; when a threshold has failed, the values between the last good and the first bad \
      one are halved until they are within PRECISION of each other. Without a scenario it is the \
      one that is built in: groups of ten, one publication a second of each client, 99 % of the \
      deliveries within 200 ms.

      EXAMPLES
        martlet-loadtest find-max --target ws://127.0.0.1:8080
        martlet-loadtest find-max --raise rate --clients 500 --from 0.5 --to 100
        martlet-loadtest find-max mine.yaml --from 1000 --to 50000 --trial 30s

      EXIT STATUS
      \(ExitStatus.table)
      """)

  @Argument(help: "A scenario file with thresholds.")
  var scenario: String?

  @Option(name: .customLong("raise"), help: "What is raised: clients or rate.")
  var raised = MaximumSearch.Raised.clients

  @Option(help: "The first value. Default: 100 clients, or a rate of 1.")
  var from: Double?

  @Option(help: "The last value. Default: 100000 clients, or a rate of 1000.")
  var to: Double?

  @Option(help: "How many times the value before each is, until a threshold fails.")
  var factor = 2.0

  @Option(help: "When the search ends: the distance of the last good and the first bad value.")
  var precision = 0.1

  @Option(help: "How long each trial publishes.")
  var trial = "10s"

  @OptionGroup var options: RunOptions

  func validate() throws {
    try Program.validated {
      _ = try options.outputs()
      guard try options.distribution(worker: nil, hasScenario: true) == .alone else {
        throw RunRequestError("find-max drives the clients itself: it takes no --coordinator")
      }
      let search = try search()
      try search.check(options.load.flags)
      let scenario = try scenarios(search)(search.from)
      guard !scenario.thresholds.isEmpty else {
        throw RunRequestError(
          "\(self.scenario ?? "the scenario") has no thresholds; find-max needs one that can fail")
      }
    }
  }

  func run() async throws {
    let search = try search()
    try await Program.finish(
      Actions.findMaximum(search, scenarios: scenarios(search), outputs: options.outputs()))
  }

  private func search() throws(SettingsError) -> MaximumSearch {
    guard let trial = DurationText.parse(trial) else {
      throw SettingsError(option: "--trial", value: trial, allowed: DurationText.form)
    }
    let isRate = raised == .rate
    return try MaximumSearch(
      raised: raised, from: from ?? (isRate ? 1 : 100), to: to ?? (isRate ? 1_000 : 100_000),
      factor: factor, precision: precision, trial: trial)
  }

  /// The scenario of a trial with a value.
  private func scenarios(
    _ search: MaximumSearch
  ) throws -> @Sendable (Double) throws(RunRequestError) -> Scenario {
    let file = try scenario.map(ScenarioArgument.read) ?? BuiltInScenario.findMax.file()
    return try search.scenarios(file, flags: options.load.flags)
  }
}
