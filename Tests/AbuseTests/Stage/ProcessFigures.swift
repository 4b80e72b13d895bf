import Foundation

/// What Linux knows of a process.
struct ProcessFigures {
  private let folder: String

  init(pid: Int32) {
    folder = "/proc/\(pid)"
  }

  /// Open descriptors.
  var descriptors: Int {
    (try? FileManager.default.contentsOfDirectory(atPath: folder + "/fd"))?.count ?? 0
  }

  /// The most memory that was resident since ``forgetPeak()``, in bytes.
  var peakMemory: Int {
    let status = (try? String(contentsOfFile: folder + "/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1_024
  }

  /// Begins a new measurement of ``peakMemory``.
  func forgetPeak() {
    let file = FileHandle(forWritingAtPath: folder + "/clear_refs")
    try? file?.write(contentsOf: Data("5".utf8))
    try? file?.close()
  }
}
