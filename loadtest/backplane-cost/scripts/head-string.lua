-- head.lua with a group's state in a string instead of a hash.
if KEYS[4] then
  local seen = redis.call('HMGET', KEYS[4], 'epoch', 'offset')
  if seen[1] then return seen[1] .. ' ' .. seen[2] .. ' 1' end
end
local meta = redis.call('GET', KEYS[2])
local epoch, offset, mark
if meta then
  epoch, offset, mark = string.match(meta, '^(%S+) (%d+) (%d+)')
  offset = string.format('%d', offset + 1)
else
  epoch, offset = ARGV[1], '1'
  redis.call('DEL', KEYS[3])
end
local head = 'p ' .. offset .. ' ' .. epoch
local now = string.match(redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', head, ARGV[2]), '^%d+')
local keep = ARGV[4] ~= '0'
-- Expiries are renewed when an eighth of their time is over, and are longer by as much.
local due = not mark or (now - mark) * 8 > tonumber(keep and ARGV[5] or ARGV[6])
if due then
  redis.call('SET', KEYS[2], epoch .. ' ' .. offset .. ' ' .. now, 'PX', string.format('%d', ARGV[6] * 1.125))
else
  redis.call('SET', KEYS[2], epoch .. ' ' .. offset .. ' ' .. mark, 'KEEPTTL')
end
if keep then
  local id = offset .. '-0'
  if not redis.call('XADD', KEYS[3], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[4], id, head, ARGV[2]) then
    redis.call('XADD', KEYS[3], id, head, ARGV[2])
    due = true
  end
  if due then redis.call('PEXPIRE', KEYS[3], string.format('%.0f', ARGV[5] * 1.125)) end
end
if KEYS[4] then
  redis.call('HSET', KEYS[4], 'epoch', epoch, 'offset', offset)
  redis.call('PEXPIRE', KEYS[4], ARGV[7])
end
return epoch .. ' ' .. offset .. ' 0'
