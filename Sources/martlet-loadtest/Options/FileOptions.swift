import ArgumentParser
import MartletLoadTest

/// The files into which results are written; each is checked before anything else is done.
struct FileOptions: ParsableArguments {
  @Option(name: .customLong("json"), help: "Write the results as JSON to this file.")
  var jsonFile: String?

  @Option(
    name: .customLong("html"),
    help: "Write a page with plots to this file; it needs no network.")
  var htmlFile: String?

  @Option(name: .customLong("csv"), help: "Write the intervals as CSV to this file.")
  var csvFile: String?

  @Option(
    name: .customLong("hgrm"),
    help: """
      Write the distribution of each latency, as HdrHistogram prints it, to a file of its own: \
      x.hgrm makes x.deliver.hgrm and so on.
      """)
  var histogramFile: String?

  var settings: OutputSettings {
    var settings = OutputSettings()
    settings.jsonFile = jsonFile
    settings.htmlFile = htmlFile
    settings.csvFile = csvFile
    settings.histogramFile = histogramFile
    return settings
  }
}
