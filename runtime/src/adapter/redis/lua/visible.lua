-- Which messages a request gets. ARGV: now, until, places in turn, places for the eldest, queues…
local now, until_ = number(), argument()
local in_turn, eldest = number(), number()

local function before(a, b)
    if a.at ~= b.at then return a.at < b.at end
    return a.id < b.id
end

-- The first `count` visible messages of a set that are wanted, as {id, at, priority, queue}.
local function front(key, place, count, wanted, found)
    local offset, left = 0, count
    while left > 0 do
        local size = wanted and 100 or left
        local part = call('ZRANGEBYSCORE', key, '-inf', now, 'WITHSCORES', 'LIMIT', offset, size)
        for at = 1, #part, 2 do
            if left > 0 and (not wanted or wanted(part[at])) then
                found[#found + 1] = { id = part[at], at = tonumber(part[at + 1]), priority = place.priority,
                    queue = place.queue, claimed = place.claimed }
                left = left - 1
            end
        end
        if #part < 2 * size then return end
        offset = offset + size
    end
end

-- The first visible messages of one priority of one queue, in order.
local function visible(priority, queue, count, wanted)
    local found = {}
    local place = { priority = priority, queue = queue }
    front(waiting(place), place, count, wanted, found)
    local mixed = #found
    place.claimed = true
    front(leased(place), place, count, wanted, found)
    if mixed > 0 and #found > mixed then table.sort(found, before) end
    return found
end

-- The places that are asked for, most urgent first.
local function places()
    local found, seen = {}, {}
    for priority = 0, 3 do
        for index = 5, #ARGV do
            local name = priority .. ARGV[index]
            if not seen[name] then
                seen[name] = true
                found[#found + 1] = { priority = priority, queue = ARGV[index] }
            end
        end
    end
    return found
end

local function choose(wanted)
    local chosen, rest = {}, {}
    for _, place in ipairs(places()) do
        local left = in_turn - #chosen
        if left + eldest > 0 then
            for index, it in ipairs(visible(place.priority, place.queue, left + eldest, wanted)) do
                if index <= left then
                    chosen[#chosen + 1] = it
                else
                    rest[#rest + 1] = it
                end
            end
        end
    end
    table.sort(rest, before)
    for index = 1, math.min(eldest, #rest) do chosen[#chosen + 1] = rest[index] end
    return chosen
end
