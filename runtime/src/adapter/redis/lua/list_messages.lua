-- ARGV: queue, limit.
return look_at(call('ZRANGEBYSCORE', PREFIX .. 'q:' .. ARGV[1], '-inf', '+inf', 'LIMIT', 0, ARGV[2]))
