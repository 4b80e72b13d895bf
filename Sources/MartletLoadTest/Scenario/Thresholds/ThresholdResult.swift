/// What became of a threshold.
package struct ThresholdResult: Sendable, Equatable, Codable {
  /// The threshold as it was written.
  package var text: String
  /// Milliseconds for latencies; nil: nothing was measured.
  package var value: Double?
  package var holds: Bool

  package init(text: String, value: Double?, holds: Bool) {
    self.text = text
    self.value = value
    self.holds = holds
  }
}

extension Threshold {
  /// Compares what was measured with the bound.
  ///
  /// - Parameter measured: a number of the report, latencies in milliseconds; nil or not a number if nothing was measured.
  ///   Then the threshold does not hold, whatever it says: a silence proves nothing.
  package func evaluate(_ measured: (Metric) -> Double?) -> ThresholdResult {
    guard let value = measured(metric), !value.isNaN else {
      return ThresholdResult(text: text, value: nil, holds: false)
    }
    let holds =
      switch comparison {
      case .below: value < bound
      case .atMost: value <= bound
      case .above: value > bound
      case .atLeast: value >= bound
      case .equal: value == bound
      case .unequal: value != bound
      }
    return ThresholdResult(text: text, value: value, holds: holds)
  }
}
