import MartletCore
import NIOCore
import Synchronization

@testable import MartletPresence

/// Counts the questions for members; nobody is there.
final class SilentPresence: Presence {
  private let eventLoop: any EventLoop
  private let asked = Atomic<Int>(0)

  init(_ eventLoop: any EventLoop) {
    self.eventLoop = eventLoop
  }

  /// How many lists were asked for.
  var questions: Int { asked.load(ordering: .relaxed) }

  func members(
    of group: GroupName, page: MemberPage.Request
  ) -> EventLoopFuture<MemberPage> {
    asked.add(1, ordering: .relaxed)
    return eventLoop.makeSucceededFuture(MemberPage(count: 0, members: [], next: nil))
  }

  func start() {}
  func join(_ session: PresenceSession) {}
  func leave(_ session: PresenceSession) {}
  func seen(_ session: PresenceSession, age: Duration) {}
  func beginDrain() {}
  func stop() -> EventLoopFuture<Void> { eventLoop.makeSucceededVoidFuture() }
  func unreadiness() -> EventLoopFuture<[String]> { eventLoop.makeSucceededFuture([]) }

  func choose(_ status: UserStatus, for user: HomeUser) -> EventLoopFuture<Void> {
    eventLoop.makeSucceededVoidFuture()
  }

  func counts(of groups: [GroupName]) -> EventLoopFuture<[Int]> {
    eventLoop.makeSucceededFuture([])
  }

  func users(_ users: [UserKey]) -> EventLoopFuture<[UserPresence]> {
    eventLoop.makeSucceededFuture([])
  }
}
