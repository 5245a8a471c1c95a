-- ARGV: channel, id. Answers position and record.
local name = call('HGET', by_id(ARGV[1]), ARGV[2])
return add_records({}, { name or nil })
