#!lua name=martlet
-- head.lua as a function of a library.
redis.register_function('publish', function(keys, argv)
  if keys[4] then
    local seen = redis.call('HMGET', keys[4], 'epoch', 'offset')
    if seen[1] then return seen[1] .. ' ' .. seen[2] .. ' 1' end
  end
  local meta = redis.call('HMGET', keys[2], 'epoch', 'offset', 'mark')
  local epoch, offset, mark = meta[1], '1', meta[3]
  if epoch then
    offset = string.format('%d', meta[2] + 1)
  else
    epoch = argv[1]
    redis.call('DEL', keys[3])
  end
  local head = 'p ' .. offset .. ' ' .. epoch
  local now = string.match(redis.call('XADD', keys[1], 'MAXLEN', '~', argv[3], '*', head, argv[2]), '^%d+')
  local keep = argv[4] ~= '0'
  -- Expiries are renewed when an eighth of their time is over, and are longer by as much.
  local due = not mark or (now - mark) * 8 > tonumber(keep and argv[5] or argv[6])
  if due then
    redis.call('HSET', keys[2], 'epoch', epoch, 'offset', offset, 'mark', now)
    redis.call('PEXPIRE', keys[2], string.format('%.0f', argv[6] * 1.125))
  else
    redis.call('HSET', keys[2], 'offset', offset)
  end
  if keep then
    local id = offset .. '-0'
    if not redis.call('XADD', keys[3], 'NOMKSTREAM', 'MAXLEN', '~', argv[4], id, head, argv[2]) then
      redis.call('XADD', keys[3], id, head, argv[2])
      due = true
    end
    if due then redis.call('PEXPIRE', keys[3], string.format('%.0f', argv[5] * 1.125)) end
  end
  if keys[4] then
    redis.call('HSET', keys[4], 'epoch', epoch, 'offset', offset)
    redis.call('PEXPIRE', keys[4], argv[7])
  end
  return epoch .. ' ' .. offset .. ' 0'
end)
