/// Exit statuses of `martlet-loadtest`.
package enum ExitStatus: Int32, Sendable, CaseIterable {
  case ok = 0
  case failed = 1
  case notBegun = 2
  case usage = 64
  case unwritten = 74
  case threshold = 99
  case interrupted = 130

  package var meaning: String {
    switch self {
    case .ok: "everything arrived once, in order, and every threshold holds"
    case .failed:
      "something was lost, duplicated, reordered or never acknowledged, and no threshold allows it"
    case .notBegun: "the run could not begin: no connection, or too few file descriptors"
    case .usage: "an option or the scenario is wrong"
    case .unwritten: "a result could not be written"
    case .threshold: "a threshold does not hold"
    case .interrupted: "interrupted; the report is partial"
    }
  }

  /// Of `report`, which runs nothing.
  private var meaningOfReport: String {
    switch self {
    case .notBegun: "a file of results cannot be read, or would count twice"
    case .usage: "an option is wrong"
    case .interrupted: "a run was interrupted; its results are partial"
    case .ok, .failed, .unwritten, .threshold: meaning
    }
  }

  /// For `--help`.
  package static var table: String { table(\.meaning) }

  /// For `report --help`.
  package static var reportTable: String { table(\.meaningOfReport) }

  private static func table(_ meaning: (ExitStatus) -> String) -> String {
    allCases.map { status in
      let number = "\(status.rawValue)"
      let padding = String(repeating: " ", count: 5 - number.count)
      return "  \(number)\(padding)\(meaning(status))"
    }.joined(separator: "\n")
  }
}
