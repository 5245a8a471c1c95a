-- ARGV: now, limit. Answers run and name together, and what is kept of the timer, in turn.
local out = {}
for _, member in ipairs(call('ZRANGEBYSCORE', TIMERS, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])) do
    out[#out + 1] = member
    out[#out + 1] = call('HGET', timers_of(string.sub(member, 1, 36)), string.sub(member, 37)) or ''
end
return out
