-- head.lua with a group's state in one BITFIELD: one command reads it and counts. The epoch is a number.
if KEYS[4] then
  local seen = redis.call('HMGET', KEYS[4], 'epoch', 'offset')
  if seen[1] then return seen[1] .. ' ' .. seen[2] .. ' 1' end
end
local meta = redis.call('BITFIELD', KEYS[2], 'INCRBY', 'i64', '0', '1', 'GET', 'u48', '64', 'GET', 'u48', '112')
local offset, epoch, mark = string.format('%d', meta[1]), string.format('%d', meta[2]), meta[3]
if meta[2] == 0 then
  epoch = string.format('%d', string.match(ARGV[1], '%d+') + 1)
  redis.call('BITFIELD', KEYS[2], 'SET', 'u48', '64', epoch)
  redis.call('DEL', KEYS[3])
end
local head = 'p ' .. offset .. ' ' .. epoch
local now = string.match(redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', head, ARGV[2]), '^%d+')
local keep = ARGV[4] ~= '0'
-- Expiries are renewed when an eighth of their time is over, and are longer by as much.
local due = (now - mark) * 8 > tonumber(keep and ARGV[5] or ARGV[6])
if due then
  redis.call('BITFIELD', KEYS[2], 'SET', 'u48', '112', now)
  redis.call('PEXPIRE', KEYS[2], string.format('%d', ARGV[6] * 1.125))
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
