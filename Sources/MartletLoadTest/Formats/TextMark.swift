/// A text to look for in messages, with a number behind it.
struct TextMark: Sendable {
  private let bytes: [UInt8]

  init(_ text: String) {
    bytes = Array(text.utf8)
  }

  /// Where the first occurrence ends.
  func end(in message: Span<UInt8>, from start: Int = 0) -> Int? {
    guard let first = bytes.first, message.count >= bytes.count else { return nil }
    var index = start
    while index <= message.count - bytes.count {
      if message[index] == first, matches(message, at: index) { return index + bytes.count }
      index += 1
    }
    return nil
  }

  private func matches(_ message: Span<UInt8>, at index: Int) -> Bool {
    for offset in bytes.indices where message[index + offset] != bytes[offset] { return false }
    return true
  }

  /// The digits behind the first occurrence; nil if there are none.
  func number(in message: Span<UInt8>) -> UInt64? {
    guard var index = end(in: message) else { return nil }
    return message.number(at: &index)
  }
}

extension Span<UInt8> {
  /// The decimal digits at `index`, which then lies behind them; nil if there are none, or too many.
  func number(at index: inout Int) -> UInt64? {
    var value: UInt64 = 0
    let start = index
    while index < count, case let digit = self[index] &- 0x30, digit <= 9 {
      let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
      let (sum, carry) = tens.addingReportingOverflow(UInt64(digit))
      guard !overflow, !carry else { return nil }
      value = sum
      index += 1
    }
    return index > start ? value : nil
  }

  func text(_ range: Range<Int>) -> String {
    var text: [UInt8] = []
    text.reserveCapacity(range.count)
    for index in range { text.append(self[index]) }
    return String(decoding: text, as: UTF8.self)
  }
}
