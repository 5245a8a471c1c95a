return call('HGET', PREFIX .. 'p', ARGV[1])
