-- ARGV: channel (or nothing), before when, up to which position, how many. Answers how many went.
local channel, before, up_to, limit = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local gone = {}

-- Notes the old ones of some positions; whether there was one.
local function note(members)
    local any = false
    for index, at in ipairs(many('ZMSCORE', TIMES, members)) do
        if #gone >= limit then return false end
        if tonumber(members[index]) <= up_to and tonumber(at) < before then
            gone[#gone + 1] = members[index]
            any = true
        end
    end
    return any
end

if channel == '' then
    local from = 0
    repeat
        local members = call('ZRANGEBYSCORE', TIMES, '-inf', '(' .. ARGV[2], 'LIMIT', from, 1000)
        if #members > 0 then note(members) end
        from = from + #members
    until #members == 0 or #gone >= limit
else
    local from = 0
    repeat
        local members = call('ZRANGEBYSCORE', of_channel(channel), '-inf', ARGV[3], 'LIMIT', from, 1000)
        from = from + #members
    until #members == 0 or not note(members)
end

for index, record in ipairs(#gone > 0 and many('HMGET', RECORDS, gone) or {}) do
    local name = gone[index]
    -- Times, then channel and id, each after its length.
    local its_channel, at = struct.unpack('>I2c0', record, 17)
    local id = struct.unpack('>I2c0', record, at)
    later('HDEL', RECORDS, name)
    later('ZREM', POSITIONS, name)
    later('ZREM', TIMES, name)
    later('ZREM', of_channel(its_channel), name)
    later('HDEL', by_id(its_channel), id)
end
flush()
for _, name in ipairs(call('SMEMBERS', CHANNELS)) do
    if call('EXISTS', of_channel(name)) == 0 then call('SREM', CHANNELS, name) end
end
return #gone
