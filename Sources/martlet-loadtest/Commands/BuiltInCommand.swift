import ArgumentParser
import MartletLoadTest

/// Names a built-in scenario to ``BuiltInCommand``.
protocol BuiltInName {
  static var scenario: BuiltInScenario { get }
}

/// The built-in scenarios that have a subcommand of this form.
enum BuiltIn {
  enum Connect: BuiltInName { static let scenario = BuiltInScenario.connect }
  enum Fanout: BuiltInName { static let scenario = BuiltInScenario.fanout }
  enum Chat: BuiltInName { static let scenario = BuiltInScenario.chat }
  enum Presence: BuiltInName { static let scenario = BuiltInScenario.presence }
  enum Typing: BuiltInName { static let scenario = BuiltInScenario.typing }
  enum ReconnectStorm: BuiltInName { static let scenario = BuiltInScenario.reconnectStorm }
  enum Soak: BuiltInName { static let scenario = BuiltInScenario.soak }
}

/// `martlet-loadtest chat` and its like: a scenario that is part of the program, changed by flags.
struct BuiltInCommand<Name: BuiltInName>: AsyncParsableCommand {
  static var configuration: CommandConfiguration {
    let name = Name.scenario.rawValue
    return CommandConfiguration(
      commandName: name,
      abstract: (try? Name.scenario.file().scenario.summary) ?? "",
      discussion: """
        \(Name.scenario.comment)

        The flags change the scenario; --print shows its file as it is, to be the beginning of one's own.

        EXAMPLES
          martlet-loadtest \(name) --target ws://127.0.0.1:8080
          martlet-loadtest \(name) --print > mine.yaml

        EXIT STATUS
        \(ExitStatus.table)
        """)
  }

  @OptionGroup var options: RunOptions

  @Flag(name: .customLong("print"), help: "Print the scenario file instead of running it.")
  var isPrinted = false

  func validate() throws {
    guard !isPrinted else { return }
    try Program.validated {
      _ = try options.outputs()
      _ = try request()
    }
  }

  func run() async throws {
    guard !isPrinted else {
      print(Name.scenario.yaml, terminator: "")
      return
    }
    guard case .scenario(let scenario) = try request() else { return }
    try await Program.finish(
      Actions.run(
        scenario, outputs: options.outputs(),
        distribution: options.distribution(worker: nil, hasScenario: true)))
  }

  private func request() throws -> RunRequest {
    try RunRequest(
      file: Name.scenario.file(), flags: options.load.flags,
      distribution: options.distribution(worker: nil, hasScenario: true))
  }
}
