-- ARGV: status, end before which none is kept (or -inf), how many are kept (or none), limit. Answers ids and heads in turn.
local set = ended_with(ARGV[1])
local expired = call('ZCOUNT', set, '-inf', '(' .. ARGV[2])
if ARGV[3] ~= '' then expired = math.max(expired, call('ZCARD', set) - tonumber(ARGV[3])) end
local out = {}
local count = math.min(expired, tonumber(ARGV[4]))
if count < 1 then return out end
for _, run in ipairs(call('ZRANGE', set, 0, count - 1)) do
    out[#out + 1] = run
    out[#out + 1] = call('GET', PREFIX .. 'r:' .. run) or ''
end
return out
