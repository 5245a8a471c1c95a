-- ARGV: workflow, key.
return call('HGET', PREFIX .. 'k:' .. ARGV[1], ARGV[2])
