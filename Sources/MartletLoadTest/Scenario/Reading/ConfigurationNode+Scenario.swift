internal import MartletConfiguration
internal import MartletCore

/// Kinds of values that only scenarios have.
extension ConfigurationNode {
  func oneOf<Choice: RawRepresentable & CaseIterable>() throws(ConfigurationError) -> Choice
  where Choice.RawValue == String {
    try oneOf(Choice.self)
  }

  /// A name that a report shows: one line, not empty.
  func label() throws(ConfigurationError) -> String {
    try value(allowed: "a text of 1 to 64 characters on one line") { text in
      (1...64).contains(text.count) && !text.contains(where: \.isNewline) ? text : nil
    }
  }

  func number(_ range: ClosedRange<Double>) throws(ConfigurationError) -> Double {
    let (lower, upper) = (range.lowerBound.spelled, range.upperBound.spelled)
    return try value(allowed: "a number from \(lower) to \(upper)") { text in
      Double(text).flatMap { range.contains($0) ? $0 : nil }
    }
  }

  /// `10%` as 0.1.
  func percentage() throws(ConfigurationError) -> Double {
    try value(allowed: ShareText.form, ShareText.parse)
  }

  /// One duration, or two, between which a random one is drawn.
  func delay(_ range: ClosedRange<Duration>) throws(ConfigurationError) -> DelayRange {
    let (lower, upper) = (range.lowerBound.spelled, range.upperBound.spelled)
    return try value(allowed: "\(DelayRange.form), from \(lower) to \(upper)") { text in
      DelayRange(text).flatMap { delay in
        range.contains(delay.lowest) && range.contains(delay.highest) ? delay : nil
      }
    }
  }

  /// The name of a file that can be read, and what it has.
  func readableFile(
    _ read: (String) -> String?
  ) throws(ConfigurationError) -> (name: String, text: String) {
    let name = try text()
    guard let text = read(name) else { throw error("cannot read \"\(name)\"") }
    return (name, text)
  }
}
