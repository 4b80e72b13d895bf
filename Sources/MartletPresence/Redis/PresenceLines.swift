internal import NIOCore

/// Walks over lines of words (see ``PresenceText``), and looks at each byte once.
///
/// `split` would do, but on the view of a buffer it takes several times as long; reading is much of an aggregator's work.
struct PresenceLines {
  private let buffer: ByteBuffer
  /// Where the next line begins; like all places, an offset from the buffer's reader index.
  private var place = 0
  /// Of the current line.
  private var words: [Range<Int>] = []

  init(_ buffer: ByteBuffer) {
    self.buffer = buffer
  }

  /// How many words the current line has.
  var count: Int { words.count }

  /// Goes to the next line that is not empty; false if there is none.
  mutating func next() -> Bool {
    words.removeAll(keepingCapacity: true)
    let buffer = buffer
    let bytes = buffer.readableBytesUInt8Span
    while place < bytes.count, bytes[place] == UInt8(ascii: "\n") { place += 1 }
    guard place < bytes.count else { return false }
    var start = place
    while place < bytes.count, bytes[place] != UInt8(ascii: "\n") {
      if bytes[place] == UInt8(ascii: "\t") {
        words.append(start..<place)
        start = place + 1
      }
      place += 1
    }
    words.append(start..<place)
    return true
  }

  func text(_ word: Int) -> String { String(buffer: bytes(word)) }

  func bytes(_ word: Int) -> ByteBuffer {
    let range = words[word]
    return buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count)
      ?? ByteBuffer()
  }
}
