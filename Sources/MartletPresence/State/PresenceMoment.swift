/// When something happens, by two clocks.
struct PresenceMoment: Equatable, Sendable {
  /// Since any fixed moment; decides when a wait is over. May jump either way.
  var now: Duration
  /// Milliseconds since 1970, by the clock of the shard's server; is shown to users.
  var wallClock: Int64
}
