internal import MartletConfiguration

extension Publishing.Size {
  static let form =
    "bytes from 1 to \(ScenarioLimits.size.upperBound), such as 128 or 4KiB, or two such as 64-512, the smaller one first"

  /// Nil for a text that is not of ``form``.
  init?(_ text: String) {
    let bounds = text.split(separator: "-", omittingEmptySubsequences: false)
      .map { Int($0) ?? SizeText.parse(String($0)) }
    guard (1...2).contains(bounds.count), let first = bounds.first, let last = bounds.last,
      let lowest = first, let highest = last, lowest <= highest,
      ScenarioLimits.size.contains(lowest), ScenarioLimits.size.contains(highest)
    else { return nil }
    self = lowest == highest ? .constant(lowest) : .uniform(lowest, highest)
  }

  package var smallest: Int {
    switch self {
    case .constant(let size), .uniform(let size, _): size
    }
  }

  /// As a scenario file writes it.
  package var text: String {
    switch self {
    case .constant(let size): "\(size)"
    case .uniform(let lowest, let highest): "\(lowest)-\(highest)"
    }
  }
}
