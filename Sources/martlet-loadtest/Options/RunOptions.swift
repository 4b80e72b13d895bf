import ArgumentParser
import MartletLoadTest

/// What every command that runs something has.
struct RunOptions: ParsableArguments {
  @OptionGroup(title: "Load")
  var load: LoadOptions

  @OptionGroup(title: "Results")
  var files: FileOptions

  @Option(
    help: """
      Serve metrics for Prometheus while the run lasts: PORT (of 127.0.0.1), HOST:PORT, or :PORT (of \
      all addresses).
      """)
  var prometheus: String?

  @Option(
    help: """
      Spread the run over processes: wait here for workers, hand each its share, merge their \
      results. PORT, HOST:PORT or :PORT. Workers get the scenario with all its secrets: listen \
      only where nobody else can connect.
      """)
  var coordinator: String?

  @Option(help: "How many workers the coordinator waits for.")
  var workers: Int?

  /// Where results go.
  func outputs() throws(SettingsError) -> OutputSettings {
    var outputs = files.settings
    if let prometheus {
      outputs.prometheus = try ListenAddress.parse(prometheus, option: "--prometheus")
    }
    try outputs.check()
    return outputs
  }

  /// - Parameters:
  ///   - worker: the coordinator's URL, if this process is a worker.
  ///   - hasScenario: whether a scenario is named.
  func distribution(worker: String?, hasScenario: Bool) throws(SettingsError) -> Distribution {
    try Distribution(
      coordinator: coordinator, workers: workers, worker: worker,
      hasOtherOptions: hasScenario || load.flags != LoadTestFlags()
        || files.settings != OutputSettings() || prometheus != nil)
  }
}
