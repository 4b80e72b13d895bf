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

  /// A file that could not be written.
  package struct Failure: Sendable, Equatable, CustomStringConvertible {
    package let option: String
    package let path: String
    package let reason: String

    package var description: String { "cannot write \(option) '\(path)': \(reason)" }
  }

  /// Writes a report to all files: one that cannot be written keeps no other from it.
  ///
  /// - Returns: what went wrong.
  package func write(_ report: LoadTestReport) -> [Failure] {
    var failures: [Failure] = []
    func attempt(_ option: String, _ path: String?, _ write: (String) throws -> Void) {
      guard let path else { return }
      do {
        try write(path)
      } catch {
        failures.append(Failure(option: option, path: path, reason: "\(error)"))
      }
    }
    attempt("--json", jsonFile) { try ReportFile.write(report, to: $0) }
    attempt("--html", htmlFile) { try ReportFile.write(HTMLReport.render(report), to: $0) }
    attempt("--csv", csvFile) {
      try ReportFile.write(IntervalTable.render(report.intervals), to: $0)
    }
    guard let histogramFile else { return failures }
    let suffix = ".hgrm"
    let stem =
      histogramFile.hasSuffix(suffix)
      ? String(histogramFile.dropLast(suffix.count)) : histogramFile
    for file in PercentileFiles.render(report) {
      attempt("--hgrm", "\(stem).\(file.name)") { try ReportFile.write(file.text, to: $0) }
    }
    return failures
  }
}
