import ArgumentParser
import MartletLoadTest

/// `martlet-loadtest validate`: checks a scenario and says what it would do.
struct ValidateCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "validate",
    abstract: "Checks a scenario and says in plain words what it would do.",
    discussion: """
      Nothing is connected to. The flags change the scenario as they do for run.

      EXAMPLE
        martlet-loadtest validate loadtest/scenarios/crm.yaml --clients 5000

      EXIT STATUS
        0    the scenario can be run
        64   an option or the scenario is wrong; the message names file, line and key
      """)

  @Argument(help: "A scenario file (docs/loadtest.md).")
  var scenario: String

  @OptionGroup(title: "Load")
  var load: LoadOptions

  func validate() throws {
    try Program.validated { _ = try request() }
  }

  func run() throws {
    guard case .scenario(let scenario) = try request() else { return }
    print(ScenarioExplanation.render(scenario), terminator: "")
  }

  private func request() throws(RunRequestError) -> RunRequest {
    try RunRequest(
      file: ScenarioArgument.read(scenario), flags: load.flags, distribution: .alone)
  }
}
