package import MartletCore
internal import MartletRedis
package import NIOCore
internal import Synchronization

/// The quotas of a cluster: the times of a user's publications are in Redis, in the slot of the user's home, and one script compares and
/// notes. Shares the connections of a ``RedisBackplane``.
///
/// A user who is over the quota is asked about once: until the time that Redis named, this gateway answers by itself.
package final class RedisUserQuota: UserQuota {
  private let configuration: RedisBackplaneConfiguration
  /// One for each site.
  private let clients: [RedisClient]
  private let memory = Mutex(QuotaMemory())
  /// Answers while Redis does not.
  private let substitute: InMemoryUserQuota

  init(_ configuration: RedisBackplaneConfiguration, clients: [RedisClient]) {
    self.configuration = configuration
    self.clients = clients
    substitute = InMemoryUserQuota(on: clients[0].eventLoop)
  }

  package func spend(_ user: UserKey, quota: Quota) -> EventLoopFuture<QuotaAnswer> {
    let key = QuotaTable.Key(user: user, quota: quota)
    let home = configuration.keyspace.shards.home(of: user)
    let site = configuration.site(ofShard: home)
    let loop = clients[site].eventLoop
    let now = NIODeadline.now()
    let (refusal, isPaused) = memory.withLock { memory in
      (memory.refusal(of: key, now: now), memory.isPaused(site, now: now))
    }
    if let refusal { return loop.makeSucceededFuture(refusal) }
    guard !isPaused else { return loop.makeSucceededFuture(substitute.answer(user, quota)) }
    return clients[site].evaluate(
      QuotaScript.spend, keys: [configuration.keyspace.quota(quota, user)],
      arguments: [
        .number(Int64(quota.count)), .number(TimeAmount(quota.period).nanoseconds / 1_000_000),
      ]
    )
    .flatMapThrowing { reply in
      guard let milliseconds = reply.number, milliseconds >= 0 else {
        throw RedisError.unexpectedReply("spend")
      }
      guard milliseconds > 0 else { return .allowed }
      let now = NIODeadline.now()
      self.memory.withLock { memory in
        memory.refused(key, until: now + .milliseconds(milliseconds), now: now)
      }
      return .refused(retryAfterMilliseconds: Int(milliseconds))
    }
    .flatMapErrorThrowing { _ in
      let now = NIODeadline.now()
      self.memory.withLock { $0.failed(site, now: now) }
      return self.substitute.answer(user, quota)
    }
  }
}

extension RedisKeyspace {
  /// A list: when the user published, milliseconds since 1970, oldest first. Gone one period after the last one.
  package func quota(_ quota: Quota, _ user: UserKey) -> String {
    // With its length, since both a path and a user's id may have any separator.
    key(shards.home(of: user), "quota:\(quota.scope.utf8.count):\(quota.scope):\(user)")
  }
}
