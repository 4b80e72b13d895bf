-- renew.lua with one field for the time of the next renewal (13 digits) and the epoch.
if KEYS[4] then
  local seen = redis.call('GET', KEYS[4])
  if seen then return seen .. ' 1' end
end
local renew = redis.call('HGET', KEYS[2], 'epoch')
local epoch
if renew then
  epoch = string.sub(renew, 14)
else
  epoch = ARGV[1]
  redis.call('DEL', KEYS[3])
end
local offset = string.format('%d', redis.call('HINCRBY', KEYS[2], 'offset', 1))
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
  redis.call('HSET', KEYS[2], 'epoch', string.format('%d', string.sub(id, 1, 13) + eighth) .. epoch)
  redis.call('PEXPIRE', KEYS[2], string.format('%d', ARGV[6] + eighth))
  if keep then redis.call('PEXPIRE', KEYS[3], string.format('%d', ARGV[5] * 1.125)) end
end
local position = epoch .. ' ' .. offset
if KEYS[4] then redis.call('SET', KEYS[4], position, 'PX', ARGV[7]) end
return position .. ' 0'
