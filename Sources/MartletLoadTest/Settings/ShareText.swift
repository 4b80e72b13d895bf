/// Shares as users write them: percentages.
enum ShareText {
  static let form = "a share above 0% and up to 100%, such as 10% or 0.5%"

  /// `10%` as 0.1; nil if it is none.
  static func parse(_ text: String) -> Double? {
    guard text.hasSuffix("%"), let number = Double(text.dropLast()), number > 0, number <= 100
    else { return nil }
    return number / 100
  }
}
