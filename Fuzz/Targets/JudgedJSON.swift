internal import Foundation
internal import MartletCore

/// Bytes as Foundation reads them, without what it refuses though RFC 8259 allows it: escapes of single
/// surrogates become `\uFFFD`, which is what ``JSONText`` makes of them, and numbers beyond doubles smaller ones.
struct JudgedJSON {
  private static let maximumDigits = 20

  let bytes: [UInt8]

  init(_ bytes: [UInt8]) {
    self.bytes = Self.withoutSingleSurrogates(Self.withoutLargeNumbers(bytes))
  }

  /// Nil if they are no JSON.
  var value: Any? {
    try? JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
  }

  /// The same for all JSON that means the same.
  var canonical: Data? {
    guard let value else { return nil }
    return try? JSONSerialization.data(
      withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys])
  }

  private static func withoutSingleSurrogates(_ bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    var index = 0
    while index < result.count {
      guard result[index] == UInt8(ascii: "\\") else {
        index += 1
        continue
      }
      guard let unit = escapedUnit(result, index) else {
        index += 2
        continue
      }
      if (0xD800..<0xDC00).contains(unit), let low = escapedUnit(result, index + 6),
        (0xDC00..<0xE000).contains(low)
      {
        index += 12
        continue
      }
      if (0xD800..<0xE000).contains(unit) {
        result.replaceSubrange(index + 2..<index + 6, with: Array("FFFD".utf8))
      }
      index += 6
    }
    return result
  }

  private static func escapedUnit(_ bytes: [UInt8], _ index: Int) -> Int? {
    guard index + 5 < bytes.count, bytes[index] == UInt8(ascii: "\\"),
      bytes[index + 1] == UInt8(ascii: "u")
    else { return nil }
    return Int(String(decoding: bytes[index + 2..<index + 6], as: UTF8.self), radix: 16)
  }

  /// Takes digits out where there are many, and makes all exponents 0.
  private static func withoutLargeNumbers(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = []
    var isInString = false
    var isEscaped = false
    var isExponent = false
    var digits = 0
    for byte in bytes {
      if isInString {
        result.append(byte)
        if isEscaped {
          isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
          isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
          isInString = false
        }
        continue
      }
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"):
        digits += 1
        if digits <= maximumDigits { result.append(isExponent ? UInt8(ascii: "0") : byte) }
      case UInt8(ascii: "e"), UInt8(ascii: "E"):
        if digits > 0 { isExponent = true }
        digits = 0
        result.append(byte)
      case UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
        digits = 0
        result.append(byte)
      default:
        digits = 0
        isExponent = false
        isInString = byte == UInt8(ascii: "\"")
        result.append(byte)
      }
    }
    return result
  }
}
