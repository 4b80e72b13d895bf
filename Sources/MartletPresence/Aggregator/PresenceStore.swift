internal import NIOCore

/// Where the changes of one shard go. Confined to the event loop of its ``ShardAggregator``.
protocol PresenceStore: AnyObject {
  /// Persists and announces `steps` in order. Once it has failed, nothing more may be committed: what
  /// became of the steps is unknown, and the state must be loaded anew.
  ///
  /// - Parameter cursor: the report up to which the steps are complete; nil if no report is behind them.
  func commit(_ steps: [PresenceStep], cursor: String?) -> EventLoopFuture<Void>

  /// Tells the shard of a group a user's status, and the group itself if it knows the user.
  func deliver(_ notice: StatusNotice) -> EventLoopFuture<Void>
}
