package import MartletCore
package import NIOCore

/// Who is in which group, and which user is where, as a gateway sees it.
///
/// **Diffs.** A user's first connection to a group, on whichever gateway, publishes `user_joined` into
/// the group; `user_left` follows once no connection of the user has been there for the grace. A
/// reconnect within the grace, to any gateway, publishes neither. Metas and statuses that change publish
/// `presence_updated`. A group is told at most once per batch interval what has changed, and only its count
/// while it has more members than the cap. All of these are ephemeral events.
///
/// **Order.** Reports of one connection made from one event loop take effect in the order of the calls.
///
/// **Failure.** Reports are never refused: while they cannot be passed on, what this gateway holds is
/// kept and reported as a whole later. A gateway that dies without ``stop()`` loses its lease, and
/// its members leave after the grace. Questions fail while the answers cannot be read.
///
/// Answers lag behind reports by the report interval and a commit, on every gateway alike.
/// All methods may be called on any thread.
package protocol Presence: Sendable {
  /// Begins to pass reports on. Call once. Returns at once: readiness comes later.
  func start()

  /// Reports that a connection has joined a group, or that its meta is another now.
  func join(_ session: PresenceSession)

  /// Reports that a connection is no longer in a group. An unknown one changes nothing.
  func leave(_ session: PresenceSession)

  /// Reports that a connection was active, which is not implied by anything but joining and leaving.
  ///
  /// - Parameter age: how long ago.
  func seen(_ session: PresenceSession, age: Duration)

  /// Chooses a status for a user with a home, on behalf of all of its connections; it is kept until another one is chosen.
  /// The future succeeds when the choice will not be lost any more.
  func choose(_ status: UserStatus, for user: HomeUser) -> EventLoopFuture<Void>

  /// Users of the group, those first who were seen last, and how many there are.
  ///
  /// Users within their grace are listed with 0 connections: nobody has been told that they left.
  func members(of group: GroupName, page: MemberPage.Request) -> EventLoopFuture<MemberPage>

  /// How many users each of the groups has.
  func counts(of groups: [GroupName]) -> EventLoopFuture<[Int]>

  /// What is known of each of the users.
  func users(_ users: [UserKey]) -> EventLoopFuture<[UserPresence]>

  /// Says that this gateway's connections will be closed, so that their users get the drain's grace to come back.
  func beginDrain()

  /// Passes on what was reported, lets the members that are still here leave (after the grace, so that they
  /// can reconnect elsewhere unseen), and closes connections. Never fails; takes a few seconds at most.
  func stop() -> EventLoopFuture<Void>

  /// Whether reports are passed on and questions can be answered. Empty: ready. Otherwise sentences.
  func unreadiness() -> EventLoopFuture<[String]>
}
