-- batch 8
-- renew.lua for several groups of a shard.
-- KEYS: shard stream, then meta and history of each; ARGV: epoch, lengths and times, then the tails.
local answers = {}
local keep = ARGV[3] ~= '0'
for index = 1, (#KEYS - 1) / 2 do
  local metaKey, historyKey, tail = KEYS[2 * index], KEYS[2 * index + 1], ARGV[6 + index]
  local meta = redis.call('HMGET', metaKey, 'epoch', 'renew')
  local epoch, renew = meta[1], meta[2]
  if not epoch then
    epoch = ARGV[1]
    redis.call('DEL', historyKey)
  end
  local offset = string.format('%d', redis.call('HINCRBY', metaKey, 'offset', 1))
  local head = 'p ' .. offset .. ' ' .. epoch
  local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', head, tail)
  local due = not renew or id > renew
  if keep then
    local entry = offset .. '-0'
    if not redis.call('XADD', historyKey, 'NOMKSTREAM', 'MAXLEN', '~', ARGV[3], entry, head, tail) then
      redis.call('XADD', historyKey, entry, head, tail)
      due = true
    end
  end
  if due then
    local eighth = (keep and ARGV[4] or ARGV[5]) / 8
    redis.call('HSET', metaKey, 'epoch', epoch, 'renew', string.format('%d', string.sub(id, 1, 13) + eighth))
    redis.call('PEXPIRE', metaKey, string.format('%d', ARGV[5] + eighth))
    if keep then redis.call('PEXPIRE', historyKey, string.format('%d', ARGV[4] * 1.125)) end
  end
  answers[index] = epoch .. ' ' .. offset .. ' 0'
end
return answers
