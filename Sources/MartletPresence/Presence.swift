package import MartletCore
package import NIOCore

/// Who is in which group, as a gateway sees it.
///
/// **Diffs.** A user's first connection to a group, on whichever gateway, publishes `user_joined` into
/// the group; `user_left` follows once no connection of the user has been there for the grace. A
/// reconnect within the grace, to any gateway, publishes neither. Both are ephemeral events.
///
/// **Order.** Reports of one connection made from one event loop take effect in the order of the calls.
///
/// **Failure.** Reports are never refused: while they cannot be passed on, what this gateway holds is
/// kept and reported as a whole later. A gateway that dies without ``stop()`` loses its lease, and
/// its members leave after the grace.
///
/// All methods may be called on any thread.
package protocol Presence: Sendable {
  /// Begins to pass reports on. Call once. Returns at once: readiness comes later.
  func start()

  /// Reports that a connection has joined a group. A repetition changes nothing.
  func join(_ session: PresenceSession)

  /// Reports that a connection is no longer in a group. An unknown one changes nothing.
  func leave(group: GroupName, connectionID: String)

  /// Each user of the group once, ordered by when they joined.
  ///
  /// Users within their grace are listed with 0 connections: nobody has been told that they left. This
  /// gateway's own reports show at once. Fails while the members cannot be read.
  func members(of group: GroupName) -> EventLoopFuture<[PresenceMember]>

  /// Passes on what was reported, lets the members that are still here leave (after the grace, so that they
  /// can reconnect elsewhere unseen), and closes connections. Never fails; takes a few seconds at most.
  func stop() -> EventLoopFuture<Void>

  /// Whether reports are passed on and members can be read. Empty: ready. Otherwise sentences.
  func unreadiness() -> EventLoopFuture<[String]>
}

/// A connection that is a member of a group, and its user.
package struct PresenceSession: Equatable, Sendable {
  package var group: GroupName
  /// Unique in its gateway; without spaces.
  package var connectionID: String
  package var user: User

  package init(group: GroupName, connectionID: String, user: User) {
    self.group = group
    self.connectionID = connectionID
    self.user = user
  }
}

/// A user who is in a group.
package struct PresenceMember: Sendable, Equatable {
  package var user: User
  /// How many connections the user has to the group; 0 within the grace.
  package var connections: Int

  package init(user: User, connections: Int) {
    self.user = user
    self.connections = connections
  }
}
