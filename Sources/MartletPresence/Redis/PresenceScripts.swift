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
  /// KEYS: owner, token, served. ARGV: daemon; lease in ms. Answers the owner's value, the server's time and for how
  /// many ms nobody has owned the shard (null if it is new), or false.
  static let claim = RedisScript(
    name: "presence claim",
    source: """
      local owner = redis.call('GET', KEYS[1])
      if owner and string.sub(owner, 1, #ARGV[1] + 1) ~= ARGV[1] .. ' ' then return false end
      local value = ARGV[1] .. ' ' .. string.format('%.0f', redis.call('INCR', KEYS[2]))
      redis.call('SET', KEYS[1], value, 'PX', ARGV[2])
      local time = redis.call('TIME')
      local now = time[1] * 1000 + math.floor(time[2] / 1000)
      local served = redis.call('GET', KEYS[3])
      return {value, now, served and now - served}
      """)

  /// KEYS: owner, served. ARGV: its value; lease in ms. Answers 1, or 0 if the shard is lost.
  static let renew = RedisScript(
    name: "presence renew",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
      local time = redis.call('TIME')
      redis.call('SET', KEYS[2], string.format('%.0f', time[1] * 1000 + math.floor(time[2] / 1000)))
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
  /// KEYS: owner, cursor, reports, shard stream, then whatever is written.
  /// ARGV: owner's value; cursor ('' for unchanged); length of the shard stream; then writes, each of which names its
  /// key by its place among KEYS:
  /// - `h`, key, field, value: HSET
  /// - `x`, key, field: HDEL
  /// - `z`, key, score, member: ZADD, unless the score is greater already
  /// - `y`, key, member: ZREM
  /// - `s`, key, member: SADD
  /// - `r`, key, member: SREM
  /// - `c`, key, score: ZREMRANGEBYSCORE up to the score
  /// - `d`, key: DEL
  /// - `p`, record: append it to the shard stream
  /// - `j`, key, field, record: append it, and behind it the record in the field, if there is one
  ///
  /// Answers false if the shard is lost, else the server's time in ms.
  static let commit = RedisScript(
    name: "presence commit",
    source: """
      if redis.call('GET', KEYS[1]) ~= ARGV[1] then return false end
      local call = redis.call
      local at, count = 4, #ARGV
      local function publish(record)
        call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', 'e', record)
      end
      while at <= count do
        local kind = ARGV[at]
        if kind == 'p' then
          publish(ARGV[at + 1])
          at = at + 2
        else
          local key = KEYS[ARGV[at + 1] + 0]
          if kind == 'h' then
            call('HSET', key, ARGV[at + 2], ARGV[at + 3])
            at = at + 4
          elseif kind == 'z' then
            call('ZADD', key, 'GT', ARGV[at + 2], ARGV[at + 3])
            at = at + 4
          elseif kind == 'j' then
            publish(ARGV[at + 3])
            local shown = call('HGET', key, ARGV[at + 2])
            if shown then publish(string.sub(shown, string.find(shown, '\\t') + 1)) end
            at = at + 4
          elseif kind == 'd' then
            call('DEL', key)
            at = at + 2
          else
            if kind == 'x' then call('HDEL', key, ARGV[at + 2])
            elseif kind == 'y' then call('ZREM', key, ARGV[at + 2])
            elseif kind == 's' then call('SADD', key, ARGV[at + 2])
            elseif kind == 'c' then call('ZREMRANGEBYSCORE', key, '-inf', ARGV[at + 2])
            else call('SREM', key, ARGV[at + 2]) end
            at = at + 3
          end
        end
      end
      if ARGV[2] ~= '' then
        call('SET', KEYS[2], ARGV[2])
        call('XTRIM', KEYS[3], 'MINID', ARGV[2])
      end
      local time = call('TIME')
      return time[1] * 1000 + math.floor(time[2] / 1000)
      """)

  /// Tells the shard of a group a user's status, on behalf of the user's home in another shard; and the group, unless
  /// it is told numbers only, or does not know the user yet: then it is told with the join.
  ///
  /// KEYS: notice tokens, shown, counting, members, debts, shard stream. ARGV: home's shard; its fencing token; group;
  /// user; field of the user in shown and debts; what to show ('' for nothing); record to publish ('' for none); length of
  /// the shard stream. Answers 1, or -1 if a later owner of the home has been here.
  static let notice = RedisScript(
    name: "presence notice",
    source: """
      if tonumber(redis.call('HGET', KEYS[1], ARGV[1]) or 0) > tonumber(ARGV[2]) then return -1 end
      redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
      if ARGV[6] == '' then
        redis.call('HDEL', KEYS[2], ARGV[5])
      else
        redis.call('HSET', KEYS[2], ARGV[5], ARGV[6])
      end
      if ARGV[7] ~= '' and redis.call('SISMEMBER', KEYS[3], ARGV[3]) == 0
        and redis.call('HEXISTS', KEYS[4], ARGV[4]) == 1
        and redis.call('HGET', KEYS[5], ARGV[5]) ~= 'j' then
        redis.call('XADD', KEYS[6], 'MAXLEN', '~', ARGV[8], '*', 'e', ARGV[7])
      end
      return 1
      """)

  /// A page of a group's members, those first who were seen last.
  ///
  /// KEYS: members, seen, shown. ARGV: cap; limit, at most some thousand; score and user after whom the page begins, or ''; group.
  /// Answers the count, then users and scores, then the users' values and what is shown; only the count if it is above the cap.
  static let members = RedisScript(
    name: "presence members",
    source: """
      local count = redis.call('HLEN', KEYS[1])
      if count == 0 or count > tonumber(ARGV[1]) then return {count} end
      local first = 0
      if ARGV[3] ~= '' then
        if redis.call('ZSCORE', KEYS[2], ARGV[4]) == ARGV[3] then
          first = redis.call('ZREVRANK', KEYS[2], ARGV[4]) + 1
        else
          first = redis.call('ZCOUNT', KEYS[2], '(' .. ARGV[3], '+inf')
        end
      end
      local seen = redis.call('ZREVRANGE', KEYS[2], first, first + ARGV[2] - 1, 'WITHSCORES')
      local users, fields = {}, {}
      for at = 1, #seen, 2 do
        users[#users + 1] = seen[at]
        fields[#fields + 1] = ARGV[5] .. '\\t' .. seen[at]
      end
      if #users == 0 then return {count} end
      return {
        count, seen, redis.call('HMGET', KEYS[1], unpack(users)),
        redis.call('HMGET', KEYS[3], unpack(fields)),
      }
      """)
}
