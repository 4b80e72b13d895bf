/// Numbers as people read them, without a locale.
enum NumberText {
  /// `1,234,567`.
  static func count(_ value: some BinaryInteger) -> String {
    let digits = String(value.magnitude)
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return value < 0 ? "-" + text : text
  }

  /// Fixed decimals, with thousands separators.
  static func decimal(_ value: Double, places: Int = 2) -> String {
    guard value.isFinite else { return "–" }
    var scale: Int64 = 1
    for _ in 0..<places { scale *= 10 }
    guard let scaled = Int64(exactly: (value.magnitude * Double(scale)).rounded()) else {
      return "\(value)"
    }
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard places > 0 else { return sign + count(scaled) }
    let fraction = String(scaled % scale)
    let zeros = String(repeating: "0", count: places - fraction.count)
    return "\(sign)\(count(scaled / scale)).\(zeros)\(fraction)"
  }

  static func percent(_ share: Double) -> String { decimal(share * 100) + " %" }

  /// About three digits: as much as the histograms know.
  static func milliseconds(_ value: Double) -> String {
    switch value {
    case ..<1: decimal(value, places: 3)
    case ..<10: decimal(value, places: 2)
    case ..<100: decimal(value, places: 1)
    default: decimal(value, places: 0)
    }
  }

  /// Of a rate: whole numbers where they have three digits.
  static func rate(_ value: Double) -> String {
    value < 100 && value != value.rounded()
      ? decimal(value, places: 1) : decimal(value, places: 0)
  }

  /// `9.5 s`, `1:05`, `1:00:05`.
  static func clock(_ seconds: Double) -> String {
    guard seconds >= 60, let whole = Int(exactly: seconds.rounded(.down)) else {
      return decimal(seconds, places: seconds < 10 ? 1 : 0) + " s"
    }
    return clock(wholeSeconds: whole)
  }

  /// `0:05`, `1:05`, `1:00:05`.
  static func clock(wholeSeconds: Int) -> String {
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes, seconds) = (
      wholeSeconds / 3600, wholeSeconds / 60 % 60, wholeSeconds % 60
    )
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(seconds))" : "\(minutes):\(two(seconds))"
  }
}
