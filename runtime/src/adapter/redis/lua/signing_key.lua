-- ARGV: the key to keep when there is none.
call('SETNX', PREFIX .. 'key', ARGV[1])
return call('GET', PREFIX .. 'key')
