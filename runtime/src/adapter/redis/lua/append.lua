-- Publishes the next publication of the arguments; gives 1 and its position, or 0 and that of the record with its id.
local function append()
    local channel, id, at, record = argument(), argument(), argument(), argument()
    local messages = number()
    local there = call('HGET', by_id(channel), id)
    if there then
        taken = taken + 7 * messages
        return 0, there
    end
    local position = draw()
    local name = member(position)
    call('HSET', by_id(channel), id, name)
    call('HSET', RECORDS, name, record)
    call('ZADD', POSITIONS, text(position), name)
    call('ZADD', of_channel(channel), text(position), name)
    call('ZADD', TIMES, at, name)
    call('SADD', CHANNELS, channel)
    for _ = 1, messages do insert() end
    return 1, text(position)
end

-- The same for as many as the arguments say; gives the answers one after the other.
local function append_all()
    local answers = {}
    for _ = 1, number() do
        local is_new, position = append()
        answers[#answers + 1] = is_new
        answers[#answers + 1] = text(tonumber(position))
    end
    flush()
    if drawn then call('SET', LAST, text(drawn)) end
    return answers
end
