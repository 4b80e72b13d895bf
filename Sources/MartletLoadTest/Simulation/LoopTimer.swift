internal import NIOCore

/// A timer that goes off once and can be set again. Confined to its event loop.
///
/// NIO takes tasks that are due off its queue in batches: one that another of its batch cancels still runs. This timer then does
/// nothing, so that however often it is set, it goes off once.
final class LoopTimer {
  private let eventLoop: any EventLoop
  /// Tells the present setting from earlier ones.
  private var settings = 0
  private var pending: (deadline: NIODeadline, task: Scheduled<Void>)?

  init(eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// Goes off at `deadline`, and no more at what was set before.
  func set(_ deadline: NIODeadline, _ action: @escaping () -> Void) {
    cancel()
    let setting = settings
    let task = eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
      guard setting == self.settings else { return }
      self.pending = nil
      action()
    }
    pending = (deadline, task)
  }

  /// When it will go off; nil: it is not set.
  var deadline: NIODeadline? { pending?.deadline }

  func cancel() {
    settings += 1
    pending?.task.cancel()
    pending = nil
  }
}
