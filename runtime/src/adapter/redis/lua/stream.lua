-- What was published on channels. `o:r` has the records by position, `o` the positions in order, `o:c:CHANNEL` those of a channel,
-- `o:t` all by when they were published; `o:i:CHANNEL` the positions by id, `o:k` the channels there are, `o:n` the last position.
local RECORDS, POSITIONS, TIMES = PREFIX .. 'o:r', PREFIX .. 'o', PREFIX .. 'o:t'
local CHANNELS, LAST = PREFIX .. 'o:k', PREFIX .. 'o:n'
local function of_channel(channel) return PREFIX .. 'o:c:' .. channel end
local function by_id(channel) return PREFIX .. 'o:i:' .. channel end

-- A position as a member of sets: sorted as text it is sorted as a number.
local function member(position) return string.format('%016.0f', position) end
local function last_position() return tonumber(call('GET', LAST) or 0) end

-- Positions follow the server's clock, so that none is given again after a restart at which the last writes were lost.
local drawn
local function draw()
    if not drawn then
        local time = call('TIME')
        drawn = math.max(last_position(), time[1] * 1000000 + time[2])
    end
    drawn = drawn + 1
    return drawn
end

-- Appends positions and records of these members, in their order.
local function add_records(answer, members)
    if #members == 0 then return answer end
    local found = many('HMGET', RECORDS, members)
    for index, position in ipairs(members) do
        if found[index] then
            answer[#answer + 1] = text(tonumber(position))
            answer[#answer + 1] = found[index]
        end
    end
    return answer
end
