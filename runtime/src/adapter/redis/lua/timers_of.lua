-- ARGV: run.
return call('HGETALL', timers_of(ARGV[1]))
