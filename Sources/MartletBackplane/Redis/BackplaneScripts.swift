package import MartletRedis

/// The Lua scripts of the backplane; each touches the keys of one slot only.
package enum BackplaneScripts {
  /// Publishes one event.
  ///
  /// KEYS: shard stream, group's meta, group's history, and the idempotency key if there is one.
  /// ARGV: an epoch in case the group is new; the record's tail; length of the shard stream;
  /// history size (0: none) and ttl; ttl of the meta; idempotency window. Times in ms.
  /// Answers {epoch, offset, 1 if repeated}.
  package static let publish = RedisScript(
    name: "publish",
    source: """
      if KEYS[4] then
        local seen = redis.call('HMGET', KEYS[4], 'epoch', 'offset')
        if seen[1] then return {seen[1], seen[2], 1} end
      end
      local epoch = redis.call('HGET', KEYS[2], 'epoch')
      if not epoch then
        epoch = ARGV[1]
        redis.call('HSET', KEYS[2], 'epoch', epoch)
        redis.call('DEL', KEYS[3])
      end
      local offset = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'offset', 1))
      redis.call('PEXPIRE', KEYS[2], ARGV[6])
      local record = 'p ' .. offset .. ' ' .. epoch .. ' ' .. ARGV[2]
      if ARGV[4] ~= '0' then
        redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], offset .. '-0', 'r', record)
        redis.call('PEXPIRE', KEYS[3], ARGV[5])
      end
      redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', 'r', record)
      if KEYS[4] then
        redis.call('HSET', KEYS[4], 'epoch', epoch, 'offset', offset)
        redis.call('PEXPIRE', KEYS[4], ARGV[7])
      end
      return {epoch, offset, 0}
      """)

  /// The group's position, and what came after a given one.
  ///
  /// KEYS: group's meta, group's history. ARGV: an epoch in case the group is new; ttl of the meta
  /// in ms; epoch and offset to recover from ('' for none); the most entries to replay.
  /// Answers {epoch, offset, entries or false if they are not available as a whole}.
  package static let recover = RedisScript(
    name: "recover",
    source: """
      local meta = redis.call('HMGET', KEYS[1], 'epoch', 'offset')
      local epoch, offset = meta[1], tonumber(meta[2] or '0')
      if not epoch then
        epoch = ARGV[1]
        redis.call('HSET', KEYS[1], 'epoch', epoch, 'offset', 0)
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        redis.call('DEL', KEYS[2])
        offset = 0
      end
      local top = string.format('%.0f', offset)
      if ARGV[3] ~= epoch then return {epoch, top, false} end
      local missed = offset - tonumber(ARGV[4])
      if missed < 0 or missed > tonumber(ARGV[5]) then return {epoch, top, false} end
      if missed == 0 then return {epoch, top, {}} end
      local first = string.format('%.0f-0', tonumber(ARGV[4]) + 1)
      local entries = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', missed)
      if #entries ~= missed or entries[1][1] ~= first then return {epoch, top, false} end
      return {epoch, top, entries}
      """)

  /// The newest retained publications below an offset, newest first.
  ///
  /// KEYS: group's meta, group's history. ARGV: an epoch in case the group is new; ttl of the meta in
  /// ms; the exclusive upper offset ('+' for none); how many.
  package static let history = RedisScript(
    name: "history",
    source: """
      local epoch = redis.call('HGET', KEYS[1], 'epoch')
      if not epoch then return {ARGV[1], {}} end
      local last = ARGV[3]
      if last ~= '+' then last = '(' .. last .. '-0' end
      return {epoch, redis.call('XREVRANGE', KEYS[2], last, '-', 'COUNT', ARGV[4])}
      """)
}
