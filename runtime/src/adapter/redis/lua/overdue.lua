-- ARGV: now, limit.
return look_at(call('ZRANGEBYSCORE', DEADLINES, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2]))
