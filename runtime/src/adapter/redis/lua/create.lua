-- ARGV: the schema of a new store. Answers that of the one that is there.
call('SETNX', KEYS[1], ARGV[1])
return call('GET', KEYS[1])
