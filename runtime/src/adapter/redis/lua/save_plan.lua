-- ARGV: hash, plan.
return call('HSETNX', PREFIX .. 'p', ARGV[1], ARGV[2])
