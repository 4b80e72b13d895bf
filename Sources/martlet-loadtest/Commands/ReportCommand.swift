import ArgumentParser
import MartletLoadTest

/// `martlet-loadtest report`: files of results in, one report out.
struct ReportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "report",
    abstract: "Merges files of results and prints or writes them in other forms.",
    discussion: """
      Reads what --json wrote. Several files add up, as those of processes that ran side by side.

      EXAMPLES
        martlet-loadtest report result.json
        martlet-loadtest report a.json b.json --html both.html

      EXIT STATUS
      \(ExitStatus.reportTable)
      """)

  @Argument(help: "Files that --json has written.")
  var results: [String]

  @OptionGroup(title: "Results")
  var files: FileOptions

  func validate() throws {
    try Program.validated {
      guard !results.isEmpty else { throw RunRequestError("name at least one file of results") }
      try files.settings.check()
    }
  }

  func run() async throws {
    try await Program.finish(Actions.report(results, outputs: files.settings))
  }
}
