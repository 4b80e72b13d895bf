internal import MartletCore

/// A random wait: uniform between two bounds, so that clients that lost one gateway do not return
/// to the next one together.
package struct DelayRange: Sendable, Equatable, Codable {
  package var lowest: Duration
  package var highest: Duration

  /// What a message about a malformed range says is allowed.
  package static let form = "one duration (500ms) or two (100ms-1s), the smaller one first"

  package init(lowest: Duration, highest: Duration) {
    self.lowest = lowest
    self.highest = highest
  }

  /// Nil unless `text` is as `500ms` or `100ms-1s`.
  package init?(_ text: String) {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
      .map { DurationText.parse(String($0)) }
    guard (1...2).contains(bounds.count), let first = bounds.first, let last = bounds.last,
      let lowest = first, let highest = last, lowest <= highest
    else { return nil }
    self.init(lowest: lowest, highest: highest)
  }

  /// - Throws: `SettingsError` when `text` is neither `500ms` nor `100ms-1s`.
  package init(parsing text: String, option: String) throws(SettingsError) {
    guard let range = DelayRange(text) else {
      throw SettingsError(option: option, value: text, allowed: Self.form)
    }
    self = range
  }

  package var text: String {
    lowest == highest
      ? DurationText.format(lowest)
      : "\(DurationText.format(lowest))-\(DurationText.format(highest))"
  }

  /// A wait in nanoseconds.
  func draw(using generator: inout some RandomNumberGenerator) -> UInt64 {
    UInt64.random(in: lowest.nanoseconds...highest.nanoseconds, using: &generator)
  }
}
