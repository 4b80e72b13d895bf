internal import Foundation
internal import MartletCore

extension Duration {
  /// For readers: `1m30s`, `250ms`, `0.5ms`.
  package var spelled: String {
    let nanoseconds = self.nanoseconds
    guard nanoseconds % 1_000_000 == 0 else { return (Double(nanoseconds) / 1e6).spelled + "ms" }
    let milliseconds = nanoseconds / 1_000_000
    guard milliseconds >= 60_000, milliseconds % 1_000 == 0 else {
      return DurationText.format(self)
    }
    var seconds = milliseconds / 1_000
    var result = ""
    for (unit, length) in [("d", UInt64(86_400)), ("h", 3_600), ("m", 60), ("s", 1)] {
      if seconds >= length { result += "\(seconds / length)\(unit)" }
      seconds %= length
    }
    return result
  }
}

extension Double {
  /// For readers: three significant digits below 1,000, whole numbers above; no exponent.
  package var spelled: String {
    guard isFinite else { return "\(self)" }
    guard self != 0 else { return "0" }
    let decimals = abs(self) >= 1_000 ? 0 : max(0, min(9, 2 - Int(log10(abs(self)).rounded(.down))))
    var text = String(format: "%.\(decimals)f", self)
    while decimals > 0, text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }
}
