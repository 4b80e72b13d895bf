-- What is left of a publication when its script does next to nothing.
return {ARGV[1], string.format('%.0f', redis.call('HINCRBY', KEYS[2], 'offset', 1)), 0}
