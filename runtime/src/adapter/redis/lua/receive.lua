local out = {}

-- The ids of those that are next, and their place, where all of them wait in one: their order is then that of the place. nil where
-- they must be chosen.
local function of_one_place()
    local ids, only = {}, nil
    for _, place in ipairs(places()) do
        if #call('ZRANGEBYSCORE', leased(place), '-inf', now, 'LIMIT', 0, 1) > 0 then return nil end
        local found = call('ZRANGEBYSCORE', waiting(place), '-inf', now, 'LIMIT', 0, in_turn + eldest)
        if #found > 0 then
            if only then return nil end
            ids, only = found, place
        end
    end
    return ids, only
end

local function stored(ids)
    local keys = {}
    for index, id in ipairs(ids) do keys[index] = PREFIX .. 'm:' .. id end
    local claims = call('EXISTS', CLAIMS) == 1 and many('HMGET', CLAIMS, ids) or {}
    return claims, many('MGET', false, keys)
end

local function hand_out(it, claim, record)
    local id, state, timeout = it.id, read_claim(claim), nil
    if not state then
        state = it
        state.is_step = string.byte(record) == 1
        state.fence, state.losses, state.deadline = state.claimed and 1 or 0, 0, NONE
    end
    if state.is_step and state.deadline == NONE then timeout = read_record(record).timeout end
    deliver(out, id, until_, take(id, state, timeout, now, until_), record)
end

local ids, place = of_one_place()
if not ids then
    local chosen = choose(nil)
    ids = {}
    for index, it in ipairs(chosen) do ids[index] = it.id end
    local claims, records = stored(ids)
    for index, it in ipairs(chosen) do hand_out(it, claims[index], records[index]) end
elseif place then
    local claims, records = stored(ids)
    -- First claims leave nothing to be written but where they are.
    local first, leases = {}, {}
    for index, id in ipairs(ids) do
        local record = records[index]
        if claims[index] or string.byte(record) == 1 then
            hand_out({ id = id, priority = place.priority, queue = place.queue }, claims[index], record)
        else
            first[#first + 1] = id
            leases[#leases + 1] = until_
            leases[#leases + 1] = id
            deliver(out, id, until_, FIRST, record)
        end
    end
    if #first == #ids then
        call('ZREMRANGEBYRANK', waiting(place), 0, #ids - 1)
    else
        bulk('ZREM', waiting(place), first)
    end
    bulk('ZADD', leased(place), leases)
end
flush()
return out
