/// The `.hgrm` files of a report, one for each latency that occurred.
package enum PercentileFiles {
  package struct File: Sendable, Equatable {
    /// As in `deliver.hgrm`.
    package var name: String
    package var text: String
  }

  package static func render(_ report: LoadTestReport) -> [File] {
    LatencyKind.allCases.compactMap { kind in
      let distribution = report.histograms[kind]
      guard distribution.count > 0 else { return nil }
      return File(name: "\(kind.rawValue).hgrm", text: distribution.percentileText)
    }
  }
}
