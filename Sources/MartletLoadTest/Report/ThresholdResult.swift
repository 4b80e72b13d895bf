/// Whether a run has held a threshold.
package struct ThresholdResult: Sendable, Equatable {
  package var threshold: Threshold
  /// What was measured; nil: nothing was, as of a latency that never occurred.
  package var value: Double?

  package init(threshold: Threshold, value: Double?) {
    self.threshold = threshold
    self.value = value
  }

  /// A threshold on something that was not measured does not hold: nothing speaks for it.
  package var holds: Bool { value.map(threshold.isHeld(by:)) ?? false }

  var valueText: String {
    guard let value else { return "not measured" }
    return switch threshold.metric {
    case .latency: NumberText.milliseconds(value) + " ms"
    case .count: NumberText.rate(value)
    }
  }
}

extension Threshold {
  package func isHeld(by value: Double) -> Bool {
    switch comparison {
    case .below: value < bound
    case .atMost: value <= bound
    case .above: value > bound
    case .atLeast: value >= bound
    case .equal: value == bound
    case .unequal: value != bound
    }
  }
}

extension Threshold.Metric {
  /// As in `deliver.p99` and `lost`.
  var name: String {
    switch self {
    case .latency(let kind, let statistic): "\(kind.rawValue).\(statistic.rawValue)"
    case .count(let count): count.rawValue
    }
  }

  init?(name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    if parts.count == 2, let kind = LatencyKind(rawValue: String(parts[0])),
      let statistic = Threshold.LatencyStatistic(rawValue: String(parts[1]))
    {
      self = .latency(kind, statistic)
    } else if let count = Threshold.CountMetric(rawValue: name) {
      self = .count(count)
    } else {
      return nil
    }
  }
}

/// The threshold in its parts, so that merged results can be judged again.
extension ThresholdResult: Codable {
  enum CodingKeys: String, CodingKey {
    case text
    case metric
    case comparison
    case bound
    case value
    case holds
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func refusal(_ key: CodingKeys, _ text: String) -> DecodingError {
      .dataCorruptedError(forKey: key, in: container, debugDescription: "unknown: '\(text)'")
    }
    let metricName = try container.decode(String.self, forKey: .metric)
    guard let metric = Threshold.Metric(name: metricName) else {
      throw refusal(.metric, metricName)
    }
    let sign = try container.decode(String.self, forKey: .comparison)
    guard let comparison = Threshold.Comparison(rawValue: sign) else {
      throw refusal(.comparison, sign)
    }
    threshold = Threshold(
      text: try container.decode(String.self, forKey: .text), metric: metric,
      comparison: comparison, bound: try container.decode(Double.self, forKey: .bound))
    value = try container.decodeIfPresent(Double.self, forKey: .value)
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(threshold.text, forKey: .text)
    try container.encode(threshold.metric.name, forKey: .metric)
    try container.encode(threshold.comparison.rawValue, forKey: .comparison)
    try container.encode(threshold.bound, forKey: .bound)
    try container.encodeIfPresent(value, forKey: .value)
    try container.encode(holds, forKey: .holds)
  }
}
