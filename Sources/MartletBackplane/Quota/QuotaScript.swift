internal import MartletRedis

/// The Lua script of ``RedisUserQuota``.
enum QuotaScript {
  /// Notes a publication if less than `count` were noted within the period.
  ///
  /// A new primary's clock may be behind the old one's: nobody waits longer than a period, since the list is gone by then.
  ///
  /// KEYS: the list of times. ARGV: count; period in ms.
  /// Answers 0, or the ms until the next publication is allowed.
  static let spend = RedisScript(
    name: "spend",
    source: """
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local count, period = tonumber(ARGV[1]), tonumber(ARGV[2])
      local length = redis.call('LLEN', KEYS[1])
      if length >= count then
        local wait = redis.call('LINDEX', KEYS[1], length - count) + period - now
        if wait > 0 then return math.min(wait, period) end
        redis.call('LTRIM', KEYS[1], length - count + 1, -1)
      end
      redis.call('RPUSH', KEYS[1], string.format('%d', now))
      redis.call('PEXPIRE', KEYS[1], period)
      return 0
      """)
}
