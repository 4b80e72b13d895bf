package import MartletRedis

/// The Lua scripts of the backplane; each touches the keys of one slot only.
///
/// A group's meta is a hash: `e` epoch and `o` offset of the last publication; `i` incarnation of the server that took it
/// (``RedisCommand/Argument/incarnation``); `c` former epochs and their last offsets, newest first, as `EPOCH:OFFSET …`;
/// `m` times and offsets as `MS:OFFSET …`: publications below OFFSET are older than MS; `n` when the next of these is due.
package enum BackplaneScripts {
  /// Publishes one event.
  ///
  /// A server with another incarnation than the group's last publication was restarted, was promoted, or was given the slot: what
  /// the former one answered last may be lost. The group's next publication begins an epoch that continues the former one
  /// after the last offset that is known here.
  ///
  /// KEYS: shard stream, group's meta, group's history, and the idempotency key if there is one.
  /// ARGV: an epoch in case one begins; the record's body; length of the shard stream; history size (0: none);
  /// ttl of the history; ttl of the meta; idempotency window; incarnation. Times in ms.
  /// Answers `EPOCH OFFSET 0`, with 1 at the end if it is a repetition: a text costs Redis less than a table.
  ///
  /// For the same reason the history is trimmed once in 16 publications; and expiries are renewed, and old publications
  /// forgotten, once per eighth of the ttl: both last up to an eighth longer. Measured in
  /// loadtest/results/2026-11-21-publish-scripts.md.
  package static let publish = RedisScript(
    name: "publish",
    source: """
      local once = KEYS[4]
      if once then
        local seen = redis.call('GET', once)
        if seen then
          -- A write: WAIT must not answer before a replica has the first one.
          redis.call('PEXPIRE', once, ARGV[7])
          return seen .. ' 1'
        end
      end
      local meta = redis.call('HMGET', KEYS[2], 'e', 'i', 'n')
      local epoch, former = meta[1], nil
      if meta[2] ~= ARGV[8] then
        if epoch then
          former = epoch
          local chain = epoch .. ':' .. redis.call('HGET', KEYS[2], 'o')
          for link in string.gmatch(redis.call('HGET', KEYS[2], 'c') or '', '%S+') do
            if #chain < 300 then chain = chain .. ' ' .. link end
          end
          redis.call('HSET', KEYS[2], 'c', chain)
        else
          redis.call('DEL', KEYS[3])
        end
        epoch = ARGV[1]
        redis.call('HSET', KEYS[2], 'e', epoch, 'i', ARGV[8])
      end
      local count = redis.call('HINCRBY', KEYS[2], 'o', 1)
      local offset = string.format('%d', count)
      local head
      if former then
        head = 'c ' .. offset .. ' ' .. epoch .. ' ' .. former
      else
        head = 'p ' .. offset .. ' ' .. epoch
      end
      local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', head, ARGV[2])
      -- An id begins with the time in 13 digits, so it can be compared as a text.
      local isDue = not meta[3] or id > meta[3]
      local isKept = ARGV[4] ~= '0'
      if isKept then
        local entry, added = offset .. '-0', nil
        if count % 16 == 0 then
          added = redis.call(
            'XADD', KEYS[3], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[4], entry, head, ARGV[2])
        else
          added = redis.call('XADD', KEYS[3], 'NOMKSTREAM', entry, head, ARGV[2])
        end
        if not added then
          redis.call('XADD', KEYS[3], entry, head, ARGV[2])
          isDue = true
        end
      end
      if isDue then
        local now, step = tonumber(string.sub(id, 1, 13)), 3600000
        if isKept then
          local ttl = tonumber(ARGV[5])
          step = math.ceil(math.min(ttl / 8, step))
          local marks, oldest = string.format('%d', now) .. ':' .. offset, nil
          for time, first in string.gmatch(redis.call('HGET', KEYS[2], 'm') or '', '(%d+):(%d+)') do
            if time + ttl > now then
              marks = marks .. ' ' .. time .. ':' .. first
            elseif not oldest or tonumber(first) > tonumber(oldest) then
              oldest = first
            end
          end
          redis.call('HSET', KEYS[2], 'm', marks)
          redis.call('PEXPIRE', KEYS[3], ttl + step)
          if oldest then redis.call('XTRIM', KEYS[3], 'MINID', oldest .. '-0') end
        end
        redis.call('HSET', KEYS[2], 'n', string.format('%d', now + step))
        redis.call('PEXPIRE', KEYS[2], ARGV[6] + step)
      end
      local position = epoch .. ' ' .. offset
      if once then redis.call('SET', once, position, 'PX', ARGV[7]) end
      return position .. ' 0'
      """)

  /// The group's position, and the beginning of what came after a given one.
  ///
  /// KEYS: group's meta, group's history. ARGV: an epoch in case the group is new; ttl of the meta
  /// in ms; incarnation; epoch and offset to recover from ('' for none); the most publications to replay; the most
  /// entries in this answer.
  /// Answers {epoch, offset, entries or false if they are not available as a whole}.
  package static let recover = RedisScript(
    name: "recover",
    source: """
      local meta = redis.call('HMGET', KEYS[1], 'e', 'o')
      local epoch, offset = meta[1], tonumber(meta[2] or '0')
      if not epoch then
        redis.call('HSET', KEYS[1], 'e', ARGV[1], 'o', 0, 'i', ARGV[3])
        redis.call('PEXPIRE', KEYS[1], ARGV[2])
        redis.call('DEL', KEYS[2])
        return {ARGV[1], '0', false}
      end
      local top, from = string.format('%.0f', offset), tonumber(ARGV[5])
      if ARGV[4] ~= epoch then
        if ARGV[4] == '' then return {epoch, top, false} end
        local chain = ' ' .. (redis.call('HGET', KEYS[1], 'c') or '')
        local last = string.match(chain, ' ' .. ARGV[4] .. ':(%d+)')
        if not last or from > tonumber(last) then return {epoch, top, false} end
      end
      local missed = offset - from
      if missed < 0 or missed > tonumber(ARGV[6]) then return {epoch, top, false} end
      if missed == 0 then return {epoch, top, {}} end
      local first = string.format('%.0f-0', from + 1)
      local entries = redis.call('XRANGE', KEYS[2], first, '+', 'COUNT', ARGV[7])
      if not entries[1] or entries[1][1] ~= first then return {epoch, top, false} end
      return {epoch, top, entries}
      """)
}
