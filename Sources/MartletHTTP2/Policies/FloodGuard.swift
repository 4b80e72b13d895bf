internal import MartletCore
internal import NIOCore

/// Decides when a peer makes more work than it has a use for.
///
/// Frames with content are not counted: what they cost is the peer's bandwidth, the flow-control windows
/// and the owner's limits. Neither are frames that nghttp2 skips, of unknown types and of the old priorities,
/// which cost less than to count them. What is counted costs the peer a few bytes and this side an allocation, an
/// answer or a whole request.
struct FloodGuard {
  enum Event {
    /// The peer reset a stream, or made this side reset one.
    case reset
    /// A frame that carries nothing.
    case overhead
    case windowUpdate
  }

  /// One for the stream and one for the connection.
  private static let windowUpdatesPerData = 2
  /// A peer that had much to take does not keep the right to flood later.
  private static let maximumCredit = 10_000

  private var resets: TokenBucket
  private var overhead: TokenBucket
  /// WINDOW_UPDATEs that are an answer to DATA.
  private var windowUpdateCredit = 0

  init(_ configuration: HTTP2Configuration) {
    resets = TokenBucket(configuration.resets)
    overhead = TokenBucket(configuration.overhead)
  }

  mutating func sentData() {
    windowUpdateCredit = min(windowUpdateCredit + Self.windowUpdatesPerData, Self.maximumCredit)
  }

  /// Whether `event` is within the limits.
  mutating func allows(_ event: Event, at now: NIODeadline) -> Bool {
    let now = Duration.nanoseconds(Int64(clamping: now.uptimeNanoseconds))
    switch event {
    case .reset: return resets.take(now: now) == nil
    case .overhead: return overhead.take(now: now) == nil
    case .windowUpdate:
      guard windowUpdateCredit == 0 else {
        windowUpdateCredit -= 1
        return true
      }
      return overhead.take(now: now) == nil
    }
  }
}

extension TokenBucket {
  fileprivate init(_ rate: HTTP2Configuration.Rate) {
    self.init(count: rate.perSecond, per: .seconds(1), burst: rate.burst)
  }
}
