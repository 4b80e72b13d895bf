/// Cuts input into parts of pseudo-random sizes, 1 to 256 bytes.
struct Cut {
  private var state: UInt32

  init(seed: UInt8) {
    state = UInt32(seed) | 1
  }

  /// The next part, taken off `rest`.
  mutating func next(_ rest: inout ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    state = state &* 1_664_525 &+ 1_013_904_223
    let part = rest.prefix(1 + Int(state >> 24))
    rest = rest.dropFirst(part.count)
    return part
  }
}
