package import MartletCore
package import NIOCore

/// Counts the publications of users against quotas, over all gateways of a cluster.
///
/// **Exact.** In no stretch of time as long as the period more than `count` publications of a user are allowed, however many connections and
/// gateways the user has. Those that are refused do not count.
///
/// **Without Redis** each gateway counts by itself, from nothing, until Redis is back: a user of several gateways may then have
/// the quota on each of them. Nobody is refused because the count is unknown; publications themselves need Redis.
///
/// Any thread; answers arrive on any loop.
package protocol UserQuota: Sendable {
  /// Asks for one publication of `user`.
  func spend(_ user: UserKey, quota: Quota) -> EventLoopFuture<QuotaAnswer>
}

package enum QuotaAnswer: Hashable, Sendable {
  case allowed
  /// Until then every further publication is refused too.
  case refused(retryAfterMilliseconds: Int)
}
