/// The id of a stream entry: milliseconds and a sequence number.
struct RedisStreamID: Hashable, Comparable, CustomStringConvertible {
  var milliseconds: UInt64
  var sequence: UInt64

  /// Before every entry.
  static let zero = RedisStreamID(milliseconds: 0, sequence: 0)

  init(milliseconds: UInt64, sequence: UInt64) {
    self.milliseconds = milliseconds
    self.sequence = sequence
  }

  /// Nil unless `text` is `MILLISECONDS-SEQUENCE`.
  init?(_ text: String) {
    guard let dash = text.firstIndex(of: "-"), let milliseconds = UInt64(text[..<dash]),
      let sequence = UInt64(text[text.index(after: dash)...])
    else { return nil }
    self.init(milliseconds: milliseconds, sequence: sequence)
  }

  static func < (left: RedisStreamID, right: RedisStreamID) -> Bool {
    (left.milliseconds, left.sequence) < (right.milliseconds, right.sequence)
  }

  var description: String { "\(milliseconds)-\(sequence)" }
}
