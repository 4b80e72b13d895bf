internal import MartletRedis

/// The Lua scripts of presence; each touches the keys of one slot only. Where there is a key `owner`,
/// its value must be the caller's: a former owner that was paused writes nothing.
enum PresenceScripts {
  /// Appends a report unless too many wait: they are refused, never silently dropped.
  ///
  /// KEYS: reports. ARGV: the most entries; gateway; sequence; kind; operations. Answers 1, or 0 if refused.
  static let report = RedisScript(
    name: "presence report",
    source: """
      if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 0 end
      redis.call('XADD', KEYS[1], '*', 'g', ARGV[2], 'n', ARGV[3], 'k', ARGV[4], 'o', ARGV[5])
      return 1
      """)

  /// Takes a shard that nobody owns, or that this daemon owned before.
  ///
  /// KEYS: owner, token. ARGV: daemon; lease in ms. Answers the owner's value, or false.
  static let claim = RedisScript(
    name: "presence claim",
    source: """
      local owner = redis.call('GET', KEYS[1])
      if owner and string.sub(owner, 1, #ARGV[1] + 1) ~= ARGV[1] .. ' ' then return false end
      local value = ARGV[1] .. ' ' .. string.format('%.0f', redis.call('INCR', KEYS[2]))
      redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
      return value
      """)

  /// KEYS: owner. ARGV: its value; lease in ms. Answers 1, or 0 if the shard is lost.
  static let renew = RedisScript(
    name: "presence renew",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      return redis.call('PEXPIRE', KEYS[1], ARGV[2])
      """)

  /// KEYS: owner. ARGV: its value. Answers 1, or 0 if it was not the caller's.
  static let release = RedisScript(
    name: "presence release",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      return redis.call('DEL', KEYS[1])
      """)

  /// Counts an aggregator among those that live, and forgets those that have not come for their lease.
  ///
  /// KEYS: daemons. ARGV: daemon; lease in ms. Answers the daemons in the order of their names.
  static let attend = RedisScript(
    name: "presence attend",
    source: """
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
      redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. string.format('%.0f', now))
      redis.call('PEXPIRE', KEYS[1], ARGV[2])
      local daemons = redis.call('ZRANGE', KEYS[1], 0, -1)
      table.sort(daemons)
      return daemons
      """)

  /// Takes the registration from a gateway whose lease ran out, unless it has renewed meanwhile. If it lives after
  /// all, its next renewal finds it gone, and it reports everything anew.
  ///
  /// KEYS: owner, gateways. ARGV: owner's value; gateway; its renewals ('' for unregistered).
  /// Answers 1, 0 if it has renewed, or -1 if the shard is lost.
  static let reap = RedisScript(
    name: "presence reap",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return -1 end
      if (redis.call('HGET', KEYS[2], ARGV[2]) or '') ~= ARGV[3] then return 0 end
      redis.call('HDEL', KEYS[2], ARGV[2])
      return 1
      """)

  /// Persists and announces changes, all or nothing.
  ///
  /// KEYS: owner, cursor, reports, groups, gateways, sequences, shard stream, then members of groups.
  /// ARGV: owner's value; cursor ('' for unchanged); length of the shard stream; then for each change
  /// - `+`, place of its group among the latter KEYS, group, field, value, record to publish or ''
  /// - `-`, place of its group among the latter KEYS, group, field, record to publish or ''
  /// - `n`, gateway, sequence
  /// - `f`, gateway: forget it
  /// - `s`, gateway: ask it for a snapshot by taking its registration
  ///
  /// Answers false if the shard is lost, else the server's time in ms.
  static let commit = RedisScript(
    name: "presence commit",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
      local at = 4
      local function publish(record)
        if record ~= '' then
          redis.call('XADD', KEYS[7], 'MAXLEN', '~', ARGV[3], '*', 'e', record)
        end
      end
      while at <= #ARGV do
        local kind = ARGV[at]
        if kind == '+' then
          redis.call('HSET', KEYS[7 + ARGV[at + 1]], ARGV[at + 3], ARGV[at + 4])
          redis.call('SADD', KEYS[4], ARGV[at + 2])
          publish(ARGV[at + 5])
          at = at + 6
        elseif kind == '-' then
          local members = KEYS[7 + ARGV[at + 1]]
          redis.call('HDEL', members, ARGV[at + 3])
          if redis.call('EXISTS', members) == 0 then redis.call('SREM', KEYS[4], ARGV[at + 2]) end
          publish(ARGV[at + 4])
          at = at + 5
        elseif kind == 'n' then
          redis.call('HSET', KEYS[6], ARGV[at + 1], ARGV[at + 2])
          at = at + 3
        else
          redis.call('HDEL', KEYS[5], ARGV[at + 1])
          if kind == 'f' then redis.call('HDEL', KEYS[6], ARGV[at + 1]) end
          at = at + 2
        end
      end
      if ARGV[2] ~= '' then
        redis.call('SET', KEYS[2], ARGV[2])
        redis.call('XTRIM', KEYS[3], 'MINID', ARGV[2])
      end
      local time = redis.call('TIME')
      return time[1] * 1000 + math.floor(time[2] / 1000)
      """)
}
