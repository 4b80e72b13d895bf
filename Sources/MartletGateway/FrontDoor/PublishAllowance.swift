internal import MartletCore
internal import NIOCore

/// How fast one connection may publish by single requests; a WebSocket counts by itself. Confined to the connection's event loop.
final class PublishAllowance {
  private var bucket: TokenBucket?

  init(_ limits: GatewayLimits) {
    bucket = limits.publishing
  }

  /// Nil: it may publish now.
  func take() -> Refusal? {
    guard let wait = bucket?.takeNow() else { return nil }
    return .tooFast(wait)
  }
}

extension TokenBucket {
  /// Takes a token; else, how long it takes until there is one.
  mutating func takeNow() -> Duration? {
    take(now: .nanoseconds(Int64(clamping: NIODeadline.now().uptimeNanoseconds)))
  }
}

extension Refusal {
  /// - Parameter wait: until the connection may publish again.
  static func tooFast(_ wait: Duration) -> Refusal {
    Refusal(
      .rateLimited, "this connection publishes faster than limits.publish_rate allows",
      retryAfter: wait.milliseconds)
  }
}
