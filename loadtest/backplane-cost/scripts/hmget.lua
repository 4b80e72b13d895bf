-- present.lua with one HMGET and one HSET for HGET and HINCRBY.
if KEYS[4] then
  local seen = redis.call('HMGET', KEYS[4], 'epoch', 'offset')
  if seen[1] then return {seen[1], seen[2], 1} end
end
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'offset')
local epoch, offset = meta[1], '1'
if epoch then
  offset = string.format('%.0f', meta[2] + 1)
  redis.call('HSET', KEYS[2], 'offset', offset)
else
  epoch = ARGV[1]
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', offset)
  redis.call('DEL', KEYS[3])
end
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
