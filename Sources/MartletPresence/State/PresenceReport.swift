internal import MartletCore

/// What a gateway tells about its connections in one shard.
struct PresenceReport: Equatable, Sendable {
  /// One life of one gateway process; without spaces.
  var gateway: String
  /// 1, 2, 3, … in each shard and life. A number that was already seen is a repetition.
  var sequence: UInt64
  var body: Body

  enum Body: Equatable, Sendable {
    /// What changed since the previous report, in order.
    case operations([Operation])
    /// Everything that the gateway has in the shard; what is not listed is gone.
    case snapshot([PresenceSession])
    /// The gateway stops, and its connections are gone.
    case goodbye
  }

  enum Operation: Equatable, Sendable {
    case join(PresenceSession)
    case leave(group: GroupName, connectionID: String)
  }
}
