-- ARGV: channel (or nothing), after which position, how many. Answers up to where was read, then positions and records.
local set = ARGV[1] == '' and POSITIONS or of_channel(ARGV[1])
local limit = tonumber(ARGV[3])
local members = call('ZRANGEBYSCORE', set, '(' .. ARGV[2], '+inf', 'LIMIT', 0, limit)
local read_to = #members == limit and tonumber(members[#members]) or last_position()
return add_records({ text(read_to) }, members)
