package import MartletCore
package import NIOCore
internal import Synchronization

/// The quotas of a gateway that is alone.
package final class InMemoryUserQuota: UserQuota {
  private let eventLoop: any EventLoop
  private let now: @Sendable () -> NIODeadline
  private let table = Mutex(QuotaTable())

  /// - Parameters:
  ///   - eventLoop: where answers arrive.
  ///   - now: the time.
  package init(
    on eventLoop: any EventLoop, now: @escaping @Sendable () -> NIODeadline = { .now() }
  ) {
    self.eventLoop = eventLoop
    self.now = now
  }

  package func spend(_ user: UserKey, quota: Quota) -> EventLoopFuture<QuotaAnswer> {
    eventLoop.makeSucceededFuture(answer(user, quota))
  }

  func answer(_ user: UserKey, _ quota: Quota) -> QuotaAnswer {
    let time = Duration.nanoseconds(now().uptimeNanoseconds)
    return table.withLock { $0.spend(QuotaTable.Key(user: user, quota: quota), now: time) }
  }
}
