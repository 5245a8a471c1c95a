-- A part of a set of runs, newest first. ARGV: set, lowest score, highest score, run (of those with the highest score only lower ones),
-- count. Answers ids and heads in turn.
local name, lowest, highest, below, count = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5])
local out, offset = {}, 0
while #out < 2 * count do
    local part = call('ZREVRANGEBYSCORE', PREFIX .. name, highest, lowest, 'WITHSCORES', 'LIMIT', offset, count)
    for at = 1, #part, 2 do
        local passed = below ~= '' and part[at + 1] == highest and not (part[at] < below)
        if not passed and #out < 2 * count then
            out[#out + 1] = part[at]
            out[#out + 1] = call('GET', PREFIX .. 'r:' .. part[at]) or ''
        end
    end
    if #part < 2 * count then break end
    offset = offset + count
end
return out
