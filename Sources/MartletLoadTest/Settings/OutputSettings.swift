package import MartletCore

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where results go besides the table.
package struct OutputSettings: Sendable, Equatable {
  package var jsonFile: String?
  package var htmlFile: String?
  package var csvFile: String?
  package var histogramFile: String?
  /// Serves metrics while the run lasts.
  package var prometheus: HostAndPort?

  package init() {}

  /// The files with the options that name them.
  package var files: [(option: String, path: String)] {
    [
      ("--json", jsonFile), ("--html", htmlFile), ("--csv", csvFile), ("--hgrm", histogramFile),
    ].compactMap { option, path in path.map { (option, $0) } }
  }

  /// Checks before the run that all files can be written after it; creates nothing.
  ///
  /// - Throws: `SettingsError` naming what is in the way.
  package func check() throws(SettingsError) {
    var seen: [String: String] = [:]
    for (option, path) in files {
      if let other = seen.updateValue(option, forKey: path) {
        throw SettingsError(
          option: option, value: path, allowed: "another file than that of \(other)")
      }
      try ReportFile.check(path, option: option)
    }
  }

  /// Writes a report to all files.
  ///
  /// - Throws: the system's error for the first file that cannot be written.
  package func write(_ report: LoadTestReport) throws {
    if let jsonFile { try ReportFile.write(report, to: jsonFile) }
    if let htmlFile { try ReportFile.write(HTMLReport.render(report), to: htmlFile) }
    if let csvFile { try ReportFile.write(IntervalTable.render(report.intervals), to: csvFile) }
    guard let histogramFile else { return }
    let suffix = ".hgrm"
    let stem =
      histogramFile.hasSuffix(suffix)
      ? String(histogramFile.dropLast(suffix.count)) : histogramFile
    for file in PercentileFiles.render(report) {
      try ReportFile.write(file.text, to: "\(stem).\(file.name)")
    }
  }
}
