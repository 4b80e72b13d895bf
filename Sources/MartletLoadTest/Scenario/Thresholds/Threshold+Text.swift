/// Why a text is no threshold: which part is wrong, and what is allowed in its place.
package struct ThresholdError: Error, Equatable, CustomStringConvertible {
  package let description: String

  init(_ description: String) {
    self.description = description
  }
}

extension Threshold {
  /// Reads `METRIC COMPARISON BOUND`, such as `deliver.p99 < 200ms`.
  ///
  /// - Throws: `ThresholdError` when a part is missing or unknown.
  package init(_ text: String) throws(ThresholdError) {
    let operatorCharacters: Set<Character> = ["<", ">", "=", "!"]
    guard let start = text.firstIndex(where: operatorCharacters.contains) else {
      throw ThresholdError(
        "\"\(text)\" has no comparison; a threshold is METRIC COMPARISON BOUND,"
          + " such as deliver.p99 < 200ms or lost == 0")
    }
    let end = text[start...].firstIndex { !operatorCharacters.contains($0) } ?? text.endIndex
    guard let comparison = Comparison(rawValue: String(text[start..<end])) else {
      throw ThresholdError(
        "\"\(text[start..<end])\" is no comparison; allowed is one of \(Comparison.names)")
    }
    let metric = try Metric(String(text[..<start]).trimmed)
    let bound = try Self.bound(String(text[end...]).trimmed, of: metric)
    if case .latency = metric, comparison == .equal || comparison == .unequal {
      throw ThresholdError(
        "\(comparison.rawValue) makes no sense for a latency; allowed is one of <, <=, >, >=")
    }
    self.init(text: text.trimmed, metric: metric, comparison: comparison, bound: bound)
  }

  private static func bound(
    _ text: String, of metric: Metric
  ) throws(ThresholdError) -> Double {
    switch metric {
    case .latency:
      guard let milliseconds = milliseconds(text) else {
        throw ThresholdError(
          "\"\(text)\" is no bound of \(metric.text); allowed is a time such as 200ms, 1.5s or 2m")
      }
      return milliseconds
    case .count:
      guard let number = number(text) else {
        throw ThresholdError(
          "\"\(text)\" is no bound of \(metric.text); allowed is a number such as 0 or 900.5")
      }
      return number
    }
  }

  private static func milliseconds(_ text: String) -> Double? {
    // `us` and `ms` stand before `s`, in which they end.
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0), ("m", 60_000.0)]
    guard let unit = units.first(where: { text.hasSuffix($0.0) }) else { return nil }
    return number(String(text.dropLast(unit.0.count))).map { $0 * unit.1 }
  }

  /// Digits, and perhaps a point and more digits.
  private static func number(_ text: String) -> Double? {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count),
      parts.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy { (0x30...0x39).contains($0) } })
    else { return nil }
    return Double(text)
  }
}

extension Threshold.Comparison {
  fileprivate static var names: String { allCases.map(\.rawValue).joined(separator: ", ") }
}

extension Threshold.Metric {
  /// As a threshold writes it: `deliver.p99`, `lost`.
  package var text: String {
    switch self {
    case .latency(let kind, let statistic): "\(kind.rawValue).\(statistic.rawValue)"
    case .count(let metric): metric.rawValue
    }
  }

  /// - Throws: `ThresholdError` when there is no such number.
  package init(_ text: String) throws(ThresholdError) {
    if let metric = Threshold.CountMetric(rawValue: text) {
      self = .count(metric)
      return
    }
    let parts = text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let kinds = LatencyKind.allCases.map(\.rawValue).joined(separator: ", ")
    let statistics = Threshold.LatencyStatistic.allCases.map(\.rawValue).joined(separator: ", ")
    guard let first = parts.first, let kind = LatencyKind(rawValue: first) else {
      let counts = Threshold.CountMetric.allCases.map(\.rawValue).joined(separator: ", ")
      throw ThresholdError(
        "\"\(text)\" is no metric; allowed is one of \(counts), or LATENCY.STATISTIC such as deliver.p99"
          + " with a latency of \(kinds) and a statistic of \(statistics)")
    }
    guard parts.count == 2, let statistic = Threshold.LatencyStatistic(rawValue: parts[1]) else {
      throw ThresholdError(
        "\"\(text)\" needs a statistic, as in \(first).p99; allowed is one of \(statistics)")
    }
    self = .latency(kind, statistic)
  }
}

extension String {
  fileprivate var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
