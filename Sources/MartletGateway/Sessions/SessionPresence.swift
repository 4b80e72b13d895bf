internal import MartletAccess
internal import MartletCore
internal import MartletPresence
internal import MartletProtocol
internal import NIOCore

/// A session's part in presence: what the others are told of it. Confined to its hub's event loop.
final class SessionPresence {
  private let presence: any Presence
  private let limits: GatewayLimits
  private var session: PresenceSession
  private var meta: PresenceMeta
  /// Whether presence knows about the session.
  private var isReported = false
  private var lastActive = NIODeadline.now()
  /// The activity that presence knows of.
  private var reportedActive = NIODeadline.now()

  convenience init(
    _ group: GroupName, _ subject: AccessSubject, origin: String, meta: PresenceMeta,
    services: GatewayServices
  ) {
    self.init(
      PresenceSession(
        group: group, connectionID: subject.connectionID, user: subject.user,
        origin: origin),
      meta: meta, services: services)
  }

  init(_ session: PresenceSession, meta: PresenceMeta, services: GatewayServices) {
    self.presence = services.presence
    self.limits = services.limits
    self.session = session
    self.meta = meta
    self.session.meta = meta.json
  }

  /// Nil for an anonymous user.
  var home: HomeUser? { session.home }

  func join(now: NIODeadline) {
    isReported = true
    lastActive = now
    reportedActive = now
    presence.join(session)
  }

  func leave() {
    guard isReported else { return }
    isReported = false
    presence.leave(session)
  }

  /// The client has sent something that a user does, not a heartbeat.
  func active(now: NIODeadline) {
    lastActive = now
  }

  /// Reports activity, but seldom: what follows soon after is reported when the interval ends.
  func sweep(now: NIODeadline) {
    guard isReported, lastActive > reportedActive,
      now - reportedActive >= limits.activityInterval
    else { return }
    reportedActive = lastActive
    presence.seen(session, age: .nanoseconds((now - lastActive).nanoseconds))
  }

  /// Sets fields of the meta.
  func merge(_ object: ByteBuffer, ignoring ignored: Set<String> = []) throws(Refusal) {
    try meta.merge(object, ignoring: ignored, limit: limits.presenceMetaSize)
    session.meta = meta.json
    if isReported { presence.join(session) }
  }

  /// The first page of the group's members, this user among them.
  func introduction() -> EventLoopFuture<MemberPage> {
    members(limit: limits.presenceCap, cap: limits.presenceCap)
  }

  func members(
    limit: Int, after: MemberPage.Cursor? = nil, cap: Int = .max
  ) -> EventLoopFuture<MemberPage> {
    presence.members(
      of: session.group,
      page: MemberPage.Request(limit: limit, after: after, cap: cap))
  }

  /// What the first frame says of the members; the user itself may not be among them yet.
  func introduced(_ page: MemberPage, wallClock: Int64) -> ServerFrame.Members {
    var page = page
    if page.count <= limits.presenceCap,
      !page.members.contains(where: { $0.userID == session.user.id })
    {
      let profile = session.user.json.dropLast() + #","joined_at":\#(wallClock),"metas":["#
      let metas = session.meta == "{}" ? "" : session.meta
      page.members.append(
        PresenceMember(
          userID: session.user.id, profile: profile + metas + "]}", connections: 1,
          lastSeen: wallClock, status: .available))
      page.count += 1
    }
    let activeSince = limits.activeSince(wallClock)
    return ServerFrame.Members(
      count: page.count,
      list: page.count > limits.presenceCap
        ? nil : page.members.map { $0.json(activeSince: activeSince) })
  }
}
