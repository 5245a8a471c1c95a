-- ARGV: queue, limit.
return look_at(call('ZRANGEBYLEX', PREFIX .. 'q:' .. ARGV[1], '-', '+', 'LIMIT', 0, ARGV[2]))
