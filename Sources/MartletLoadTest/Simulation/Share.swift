/// Which clients are an event loop's: those of its process, dealt over its loops.
struct Share: Sendable, Equatable {
  /// This process among all of them.
  var process: Int
  var processes: Int
  var loop: Int
  var loops: Int

  func contains(_ client: Int) -> Bool {
    client % processes == process && client / processes % loops == loop
  }
}
