import ArgumentParser

/// The program: its only subcommand does a run.
@main
struct MartletLoadTestCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "martlet-loadtest",
    abstract:
      "Drives simulated clients against a Martlet cluster and proves that nothing was lost.",
    subcommands: [RunCommand.self])
}
