/// Whether a text that comes in parts is UTF-8 (RFC 3629 §4), known with the first byte that is wrong.
///
/// A value: the place in the middle of a character, if any.
struct UTF8Validation {
  /// Continuation bytes that the character still needs.
  private var needed: UInt8 = 0
  /// Where the next of them has to be. Only the second byte of a character has a range of its own:
  /// it excludes overlong forms, surrogates and what is above U+10FFFF.
  private var lower: UInt8 = 0x80
  private var upper: UInt8 = 0xBF

  private static let highBits: UInt64 = 0x8080_8080_8080_8080

  /// Whether the text may end here.
  var isComplete: Bool { needed == 0 }

  /// Goes on with `bytes`.
  ///
  /// - Returns: whether what came so far begins a valid text.
  mutating func accept(_ bytes: UnsafeRawBufferPointer) -> Bool {
    let count = bytes.count
    var offset = 0
    while offset < count {
      if needed == 0 {
        unsafe skipASCII(bytes, &offset)
        guard offset < count else { return true }
      }
      guard unsafe accept(bytes[offset]) else { return false }
      offset &+= 1
    }
    return true
  }

  @inline(__always)
  private func skipASCII(_ bytes: UnsafeRawBufferPointer, _ offset: inout Int) {
    let count = bytes.count
    while offset &+ 16 <= count {
      let first = unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      let second = unsafe bytes.loadUnaligned(fromByteOffset: offset &+ 8, as: UInt64.self)
      guard (first | second) & Self.highBits == 0 else { break }
      offset &+= 16
    }
    while offset < count, unsafe bytes[offset] < 0x80 { offset &+= 1 }
  }

  @inline(__always)
  private mutating func accept(_ byte: UInt8) -> Bool {
    if needed > 0 {
      guard byte >= lower, byte <= upper else { return false }
      needed &-= 1
      (lower, upper) = (0x80, 0xBF)
      return true
    }
    switch byte {
    case 0x00...0x7F: break
    case 0xC2...0xDF: needed = 1
    case 0xE0: (needed, lower) = (2, 0xA0)
    case 0xED: (needed, upper) = (2, 0x9F)
    case 0xE1...0xEF: needed = 2
    case 0xF0: (needed, lower) = (3, 0x90)
    case 0xF1...0xF3: needed = 3
    case 0xF4: (needed, upper) = (3, 0x8F)
    default: return false
    }
    return true
  }
}
