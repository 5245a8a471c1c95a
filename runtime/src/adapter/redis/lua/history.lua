-- ARGV: run, first, last, as places from 0.
return call('LRANGE', PREFIX .. 'g:' .. ARGV[1], ARGV[2], ARGV[3])
