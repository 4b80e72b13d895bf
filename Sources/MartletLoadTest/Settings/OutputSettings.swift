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
      try Self.check(path, option: option)
    }
  }

  private static func check(_ path: String, option: String) throws(SettingsError) {
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
}
