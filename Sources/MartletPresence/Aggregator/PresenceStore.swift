internal import NIOCore

/// Where the changes of one shard go. Confined to the event loop of its ``ShardAggregator``.
protocol PresenceStore: AnyObject {
  /// Persists and announces `changes` in order. Once it has failed, nothing more may be committed: what
  /// became of the changes is unknown, and the state must be loaded anew.
  ///
  /// - Parameter cursor: the report up to which the changes are complete; nil if no report is behind them.
  func commit(_ changes: [PresenceChange], cursor: String?) -> EventLoopFuture<Void>
}
