/// A scale from values to the places of a plot, with its ticks.
struct Axis {
  struct Tick: Equatable {
    var value: Double
    /// Empty: a line without a label.
    var label: String
  }

  enum Form {
    case linear
    case logarithmic
  }

  let range: ClosedRange<Double>
  let form: Form
  let ticks: [Tick]

  /// Of `value` in the range, 0…1 unless it lies outside.
  func position(_ value: Double) -> Double {
    switch form {
    case .linear: (value - range.lowerBound) / (range.upperBound - range.lowerBound)
    case .logarithmic:
      LogScale.log10(max(value, range.lowerBound) / range.lowerBound)
        / LogScale.log10(range.upperBound / range.lowerBound)
    }
  }

  /// From 0 to `highest` or a little more, with about five ticks at round numbers.
  static func amounts(upTo highest: Double) -> Axis {
    let highest = highest > 0 && highest.isFinite ? highest : 1
    let step = roundStep(highest / 5)
    // A line on the upper edge is hard to see.
    let count = Int((highest / step * 1.02).rounded(.up))
    let places = step >= 1 ? 0 : step >= 0.1 ? 1 : 2
    let ticks = (0...count).map { index in
      let value = Double(index) * step
      return Tick(value: value, label: NumberText.decimal(value, places: places))
    }
    return Axis(range: 0...(Double(count) * step), form: .linear, ticks: ticks)
  }

  /// 1, 2 or 5 times a power of ten.
  private static func roundStep(_ rough: Double) -> Double {
    var power = 0.01
    while power * 10 <= rough { power *= 10 }
    return [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough * (1 - 1e-9) } ?? power * 10
  }

  /// Latencies in milliseconds, logarithmic, in whole decades.
  static func latencies(_ range: ClosedRange<Double>) -> Axis {
    let first = LogScale.decade(atOrBelow: max(range.lowerBound, 0.001))
    var last = first
    while LogScale.power(last) < range.upperBound * (1 - 1e-9), last < 6 { last += 1 }
    if last == first { last += 1 }
    let decades = last - first
    var ticks: [Tick] = []
    for decade in first...last {
      let value = LogScale.power(decade)
      ticks.append(Tick(value: value, label: latencyLabel(value)))
      guard decade < last, decades <= 4 else { continue }
      for factor in [2.0, 5.0] {
        ticks.append(
          Tick(value: value * factor, label: decades <= 2 ? latencyLabel(value * factor) : ""))
      }
    }
    return Axis(
      range: LogScale.power(first)...LogScale.power(last), form: .logarithmic, ticks: ticks)
  }

  private static func latencyLabel(_ milliseconds: Double) -> String {
    switch milliseconds {
    case ..<0.9999: NumberText.decimal(milliseconds * 1000, places: 0) + " µs"
    case ..<999.9: NumberText.decimal(milliseconds, places: 0) + " ms"
    default: NumberText.decimal(milliseconds / 1000, places: 0) + " s"
    }
  }

  /// Seconds since the run began, with at most ten ticks at round times.
  static func time(upTo end: Double) -> Axis {
    let end = end > 0 && end.isFinite ? end : 1
    let steps: [Double] = [
      0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600,
      43_200, 86_400,
    ]
    let step = steps.first { end / $0 <= 10 } ?? end / 10
    let ticks = (0...Int(end / step + 1e-9)).map { index in
      let value = Double(index) * step
      let label =
        end <= 60
        ? NumberText.decimal(value, places: step < 1 ? 1 : 0)
        : NumberText.clock(wholeSeconds: Int(min(value, 1e15)))
      return Tick(value: value, label: label)
    }
    return Axis(range: 0...end, form: .linear, ticks: ticks)
  }

  static func timeTitle(upTo end: Double) -> String {
    end <= 60
      ? "seconds since the run began"
      : end < 3600 ? "minutes:seconds since the run began" : "time since the run began"
  }

  /// Percentiles by how few lie above them: 90 %, 99 % and 99.9 % are equally far apart. Values are
  /// `1 / (1 - share)`.
  ///
  /// - Parameter count: of the largest distribution: beyond it, percentiles say nothing.
  static func percentiles(ofCount count: UInt64) -> Axis {
    let end = max(100, min(Double(count), 1e7))
    let last = LogScale.decade(atOrBelow: end)
    let names = ["0 %", "90 %", "99 %", "99.9 %", "99.99 %", "99.999 %", "99.9999 %", "99.99999 %"]
    var ticks = (0...last).map { Tick(value: LogScale.power($0), label: names[$0]) }
    ticks.insert(Tick(value: 2, label: "50 %"), at: 1)
    return Axis(range: 1...end, form: .logarithmic, ticks: ticks)
  }
}
