-- present.lua, but the record's head is the name of its field: Lua need not make, and hash, a text of the
-- event's length.
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
local head = 'p ' .. offset .. ' ' .. epoch
if ARGV[4] ~= '0' then
  redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[4], offset .. '-0', head, ARGV[2])
  redis.call('PEXPIRE', KEYS[3], ARGV[5])
end
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', head, ARGV[2])
if KEYS[4] then
  redis.call('HSET', KEYS[4], 'epoch', epoch, 'offset', offset)
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
return {epoch, offset, 0}
