/// JSON strings (RFC 8259 §7), written and read.
package enum JSONText {
  /// `text` in quotes, with the escapes that JSON requires.
  package static func quoted(_ text: String) -> String {
    // Most texts need no escapes.
    guard
      text.utf8.contains(where: {
        $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\")
      })
    else { return "\"\(text)\"" }
    var result = "\""
    result.reserveCapacity(text.utf8.count + 2)
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"": result += "\\\""
      case "\\": result += "\\\\"
      case "\n": result += "\\n"
      case "\r": result += "\\r"
      case "\t": result += "\\t"
      case "\u{0}"..<"\u{20}":
        let hex = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }

  /// The value of a JSON string that ``JSONScanner`` accepted; `bytes` includes the quotes.
  ///
  /// A surrogate without its pair becomes U+FFFD.
  package static func unquoted(_ bytes: some Collection<UInt8>) -> String {
    let inner = bytes.dropFirst().dropLast()
    guard inner.contains(UInt8(ascii: "\\")) else { return String(decoding: inner, as: UTF8.self) }
    var units: [UInt16] = []
    var result = ""
    var plain: [UInt8] = []
    func flushPlain() {
      result += String(decoding: plain, as: UTF8.self)
      plain.removeAll()
    }
    func flushUnits() {
      result += String(decoding: units, as: UTF16.self)
      units.removeAll()
    }
    var iterator = inner.makeIterator()
    while let byte = iterator.next() {
      guard byte == UInt8(ascii: "\\"), let escape = iterator.next() else {
        if !units.isEmpty { flushUnits() }
        plain.append(byte)
        continue
      }
      if escape == UInt8(ascii: "u") {
        if !plain.isEmpty { flushPlain() }
        var unit: UInt16 = 0
        for _ in 0..<4 {
          unit = unit << 4 | UInt16(iterator.next().flatMap(hexValue) ?? 0)
        }
        units.append(unit)
        continue
      }
      if !units.isEmpty { flushUnits() }
      plain.append(unescaped(escape))
    }
    flushUnits()
    flushPlain()
    return result
  }

  private static func unescaped(_ escape: UInt8) -> UInt8 {
    switch escape {
    case UInt8(ascii: "n"): UInt8(ascii: "\n")
    case UInt8(ascii: "r"): UInt8(ascii: "\r")
    case UInt8(ascii: "t"): UInt8(ascii: "\t")
    case UInt8(ascii: "b"): 8
    case UInt8(ascii: "f"): 12
    default: escape
    }
  }

  /// The value of a hexadecimal digit.
  package static func hexValue(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
