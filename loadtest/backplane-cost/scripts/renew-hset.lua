-- renew.lua with HSET of the offset instead of HINCRBY.
if KEYS[4] then
  local seen = redis.call('GET', KEYS[4])
  if seen then return seen .. ' 1' end
end
local meta = redis.call('HMGET', KEYS[2], 'epoch', 'offset', 'renew')
local epoch, offset, renew = meta[1], '1', meta[3]
if epoch then
  offset = string.format('%d', meta[2] + 1)
  redis.call('HSET', KEYS[2], 'offset', offset)
else
  epoch = ARGV[1]
  redis.call('DEL', KEYS[3])
end
local head = 'p ' .. offset .. ' ' .. epoch
local id = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[3], '*', head, ARGV[2])
local keep = ARGV[4] ~= '0'
-- Expiries are renewed when an eighth of their time is over, and are longer by as much. An id starts
-- with the time in 13 digits, so it can be compared as a text.
local due = not renew or id > renew
if keep then
  local entry = offset .. '-0'
  if not redis.call('XADD', KEYS[3], 'NOMKSTREAM', 'MAXLEN', '~', ARGV[4], entry, head, ARGV[2]) then
    redis.call('XADD', KEYS[3], entry, head, ARGV[2])
    due = true
  end
end
if due then
  local eighth = (keep and ARGV[5] or ARGV[6]) / 8
  redis.call('HSET', KEYS[2], 'epoch', epoch, 'offset', offset, 'renew', string.format('%d', string.sub(id, 1, 13) + eighth))
  redis.call('PEXPIRE', KEYS[2], string.format('%d', ARGV[6] + eighth))
  if keep then redis.call('PEXPIRE', KEYS[3], string.format('%d', ARGV[5] * 1.125)) end
end
local position = epoch .. ' ' .. offset
if KEYS[4] then redis.call('SET', KEYS[4], position, 'PX', ARGV[7]) end
return position .. ' 0'
