-- ARGV: queue, from where on in the order of ids, limit.
return look_at(call('ZRANGEBYLEX', PREFIX .. 'q:' .. ARGV[1], ARGV[2], '+', 'LIMIT', 0, ARGV[3]))
