/// What a ``Backplane`` has done since it started, and how it does.
package struct BackplaneStatistics: Equatable, Sendable {
  /// By shard: seconds between the sending of the last probe that came back and its return; nil before the first.
  package var probeSeconds: [Double?] = []
  /// Reads of shard streams that brought something.
  package var reads: UInt64 = 0
  /// Publications, ephemeral events and probes that were read, wanted here or not.
  package var entries: UInt64 = 0
  /// How often a shard's subscribers were told to compare positions.
  package var interruptions: UInt64 = 0
  /// Readers that were made anew because their probes did not come back.
  package var revivals: UInt64 = 0

  package init() {}
}
