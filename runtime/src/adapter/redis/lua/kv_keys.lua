-- ARGV: namespace, prefix, now, limit.
local limit, now = tonumber(ARGV[4]), tonumber(ARGV[3])
local out, offset = {}, 0
while #out < limit do
    local part = call('ZRANGEBYLEX', keys_of(ARGV[1]), '[' .. ARGV[2], '(' .. ARGV[2] .. '\255', 'LIMIT', offset, 100)
    for _, key in ipairs(part) do
        if #out < limit and current(ARGV[1], key, now) then out[#out + 1] = key end
    end
    if #part < 100 then break end
    offset = offset + 100
end
return out
