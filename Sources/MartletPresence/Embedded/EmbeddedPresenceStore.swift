internal import MartletBackplane
internal import MartletCore
internal import NIOCore

/// Announces, and keeps what the state does not know itself. Confined to its event loop.
final class EmbeddedPresenceStore: PresenceStore {
  private let backplane: any Backplane
  private let eventLoop: any EventLoop
  var shards: [NIOLoopBoundBox<EmbeddedShard>] = []
  private(set) var seen: [GroupName: [String: Int64]] = [:]
  /// Statuses that are not the default.
  private var shown: [GroupName: [String: UserStatus]] = [:]
  private(set) var lastSeen: [UserKey: Int64] = [:]
  private(set) var places: [UserKey: [MembershipKey: HomePlace]] = [:]

  init(_ backplane: any Backplane, on eventLoop: any EventLoop) {
    self.backplane = backplane
    self.eventLoop = eventLoop
  }

  func commit(_ steps: [PresenceStep], cursor: String?) -> EventLoopFuture<Void> {
    for change in steps.joined() { apply(change) }
    return eventLoop.makeSucceededVoidFuture()
  }

  private func apply(_ change: PresenceChange) {
    switch change {
    case .announced(let diff):
      announce(diff)
      if case .joined(let profile, _) = diff.kind,
        let status = shown[diff.group]?[profile.user.id]
      {
        announce(PresenceDiff(group: diff.group, kind: .status(profile.user, status)))
      }
    case .seen(let group, let userID, let time):
      let former = seen[group]?[userID] ?? 0
      seen[group, default: [:]][userID] = max(time, former)
    case .unlisted(let group, let userID):
      seen[group]?[userID] = nil
      if seen[group]?.isEmpty == true { seen[group] = nil }
    case .userSeen(let user, let time):
      lastSeen[user] = max(time, lastSeen[user] ?? 0)
    case .forgotSeen(let time):
      lastSeen = lastSeen.filter { $0.value >= time }
    case .opened(let key, let entry, let place):
      places[entry.user.key, default: [:]][key] = place
    case .closed(let key, let user):
      places[user]?[key] = nil
      if places[user]?.isEmpty == true { places[user] = nil }
    default:
      break  // The state remembers it.
    }
  }

  func announce(_ diff: PresenceDiff) {
    // A diff that the backplane loses is lost, like every ephemeral event.
    _ = backplane.publish(
      PublishRequest(group: diff.group, event: diff.event, kind: .ephemeral))
  }

  func show(_ notice: StatusNotice) {
    let group = notice.key.group
    let status = notice.status == .available ? nil : notice.status
    shown[group, default: [:]][notice.user.id] = status
    if shown[group]?.isEmpty == true { shown[group] = nil }
  }

  func shownStatus(of userID: String, in group: GroupName) -> UserStatus {
    shown[group]?[userID] ?? .available
  }

  func deliver(_ notice: StatusNotice) -> EventLoopFuture<Void> {
    let group = backplane.shards.shard(of: notice.key.group)
    guard shards.indices.contains(group) else { return eventLoop.makeSucceededVoidFuture() }
    let shard = shards[group]
    return shard.eventLoop.submit { shard.value.deliver(notice) }.hop(to: eventLoop)
  }
}
