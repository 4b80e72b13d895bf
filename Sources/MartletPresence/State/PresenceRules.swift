/// When users leave, and what groups are told of it.
package struct PresenceRules: Equatable, Sendable {
  /// Between a user's last connection and the leave.
  package var grace = Duration.seconds(5)
  /// The same for users of a gateway that drains.
  package var drainGrace = Duration.seconds(15)
  /// A group is told of changes at most once in this time.
  package var batch = Duration.milliseconds(500)
  /// A group with more users is told their number only.
  package var cap = 200
  /// A user who does nothing for this long is away.
  package var awayAfter = Duration.seconds(300)
  /// How long it is known of a user who is gone when it was seen last, and which status it chose.
  package var remember = Duration.seconds(30 * 86_400)

  /// With at most so many users a group that was told numbers is told names again.
  var recoveredCap: Int { cap - cap / 10 }

  package init() {}
}
