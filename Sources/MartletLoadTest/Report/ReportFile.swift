#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The files that `--json`, `--html`, `--csv` and the like name.
package enum ReportFile {
  /// Checks before the run that the report can be written after it; creates nothing.
  ///
  /// - Throws: `SettingsError` naming what is in the way.
  package static func check(_ path: String, option: String = "--json") throws(SettingsError) {
    func refusal(_ allowed: String) -> SettingsError {
      SettingsError(option: option, value: path, allowed: allowed)
    }
    guard !path.isEmpty else { throw refusal("the name of a writable file") }
    let files = FileManager.default
    var isDirectory = false
    if files.fileExists(atPath: path, isDirectory: &isDirectory) {
      guard !isDirectory else { throw refusal("it is a directory; a file is needed") }
      guard files.isWritableFile(atPath: path) else { throw refusal("the file is not writable") }
      return
    }
    let folder =
      path.contains("/") ? String(path[...(path.lastIndex(of: "/") ?? path.startIndex)]) : "."
    guard files.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory else {
      throw refusal("the folder '\(folder)' does not exist")
    }
    guard files.isWritableFile(atPath: folder) else {
      throw refusal("the folder '\(folder)' is not writable")
    }
  }

  /// Writes the intervals and the summary.
  package static func write(_ report: LoadTestReport, to path: String) throws {
    try write(ResultLines.render(report), to: path)
  }

  package static func write(_ bytes: [UInt8], to path: String) throws(SystemFileError) {
    try SystemFile.write(bytes, to: path)
  }

  package static func write(_ text: String, to path: String) throws(SystemFileError) {
    try write([UInt8](text.utf8), to: path)
  }

  /// Reads a result.
  ///
  /// - Throws: `SystemFileError` for a file that cannot be read, `ResultFileError` for one that is not a result.
  package static func read(_ path: String) throws -> LoadTestReport {
    try ResultLines.read(SystemFile.read(path))
  }
}
