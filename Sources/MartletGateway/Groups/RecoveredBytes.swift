/// How much of what clients have missed a loop may hold: a question of a few bytes can bring megabytes, and who does not read
/// leaves them here. A value.
struct RecoveredBytes {
  private let limit: Int
  /// As of the last measurement, and what has been taken since.
  private var held = 0

  /// - Parameter limit: in bytes.
  init(limit: Int) {
    self.limit = limit
  }

  /// Takes `count` bytes, if there is room; one recovery always finds room when there is no other.
  mutating func take(_ count: Int) -> Bool {
    guard held == 0 || count <= limit - held else { return false }
    held += count
    return true
  }

  /// So many bytes have not left.
  mutating func measured(_ unsent: Int) {
    held = unsent
  }
}
