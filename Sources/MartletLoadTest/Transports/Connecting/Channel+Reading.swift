import NIOCore

extension Channel {
  /// On its event loop. Does nothing to a channel that is closed.
  func setReading(_ reading: Reading) {
    guard let options = syncOptions else { return }
    // While all is read at once, a second read in a row would nearly always find nothing.
    let inARow: UInt = reading == .onDemand ? 16 : 1
    try? options.setOption(.maxMessagesPerRead, value: inARow)
    try? options.setOption(.autoRead, value: reading == .atOnce)
  }
}
