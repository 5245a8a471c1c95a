-- Messages. `m:ID` holds what does not change, as the client packed it; `c` what claims leave behind. A message is in
-- `w:PRIORITY:QUEUE` (waiting, by when it is visible) or in `l:PRIORITY:QUEUE` (leased, by the end of the lease), always in
-- `q:QUEUE` (all, by id), and step items are in `s:RUN` and, once claimed, in `d`. What most messages go through leaves nothing in
-- `c`: one that is no step item and has no claim there is leased for the first time, or was never claimed.
local function names(prefix)
    local known = {}
    return function(it)
        local by_queue = known[it.priority]
        if not by_queue then
            by_queue = {}
            known[it.priority] = by_queue
        end
        local name = by_queue[it.queue]
        if not name then
            name = PREFIX .. prefix .. it.priority .. ':' .. it.queue
            by_queue[it.queue] = name
        end
        return name
    end
end
local waiting, leased = names('w:'), names('l:')
local CLAIMS, DEADLINES = PREFIX .. 'c', PREFIX .. 'd'

-- The beginning of what the client packed.
local function read_record(record)
    local it, at = {}, nil
    it.is_step, it.priority, it.published_at, it.queue, at = struct.unpack('>BBc8I2c0', record)
    it.is_step = it.is_step == 1
    if it.is_step then
        it.timeout, it.run, it.field, at = struct.unpack('>I8c36Bc0', record, at)
    end
    it.rest = at
    return it
end

-- The same of a stored message without its body, if there is such a message.
local function find(id)
    local key = PREFIX .. 'm:' .. id
    local record = call('GETRANGE', key, 0, 399)
    if record == '' then return nil end
    local length = struct.unpack('>I2', record, 11)
    if length > 280 then record = call('GET', key) end
    return read_record(record)
end

local function read_claim(packed)
    if not packed then return nil end
    local it, claimed, is_step, at = {}, nil, nil, nil
    it.fence, it.losses, claimed, is_step, it.priority, it.deadline, at = struct.unpack('>I8I4BBBi8', packed)
    it.claimed, it.is_step, it.recorded = claimed == 1, is_step == 1, true
    it.queue = string.sub(packed, at)
    return it
end

local function pack_claim(it)
    return struct.pack('>I8I4BBBi8', it.fence, it.losses, it.claimed and 1 or 0, it.is_step and 1 or 0, it.priority,
        it.deadline) .. it.queue
end

-- A first claim that leaves nothing behind, as the client knows it.
local FIRST = '1'

-- The claim of a message that has none in `c`, made of its record.
local function unrecorded(id, state)
    if not state then return nil end
    state.claimed = not state.is_step and call('ZSCORE', leased(state), id) ~= false
    state.fence, state.losses, state.deadline = state.claimed and 1 or 0, 0, NONE
    return state
end

-- The claim of a message; nil when there is no such message.
local function state_of(id)
    return read_claim(call('HGET', CLAIMS, id)) or unrecorded(id, find(id))
end

-- Puts it down, and gives it as it was put down.
local function keep(id, state)
    local packed = pack_claim(state)
    later('HSET', CLAIMS, id, packed)
    return packed
end

local function run_of_items(run) return PREFIX .. 's:' .. run end

-- Takes it out for good. Its claim says where it is.
local function remove(id, state)
    if state.is_step then
        local it = find(id)
        if it and it.is_step then call('HDEL', run_of_items(it.run), it.field) end
        if state.deadline ~= NONE then later('ZREM', DEADLINES, id) end
    end
    later('ZREM', state.claimed and leased(state) or waiting(state), id)
    later('ZREM', PREFIX .. 'q:' .. state.queue, id)
    if state.recorded then later('HDEL', CLAIMS, id) end
    later('DEL', false, PREFIX .. 'm:' .. id)
end

-- Moves it to where it waits, as nobody's.
local function put_back(id, state, at)
    if state.claimed then later('ZREM', leased(state), id) end
    later('ZADD', waiting(state), at, id)
    state.claimed = false
end

local function stop_clock(id, state)
    if state.deadline ~= NONE then later('ZREM', DEADLINES, id) end
    state.deadline = NONE
end

-- A message that is handed out while it counts as claimed was lost by its holder.
local function note_loss(state)
    if state.claimed then state.losses = state.losses + 1 end
end

-- Hands it out under a lease, and gives the claim as the client reads it. `timeout` is that of a step item.
local function take(id, state, timeout, now, until_)
    note_loss(state)
    if not state.claimed then later('ZREM', waiting(state), id) end
    later('ZADD', leased(state), until_, id)
    state.claimed = true
    state.fence = state.fence + 1
    if state.is_step and state.deadline == NONE then
        state.deadline = math.min(now + timeout, FAR)
        later('ZADD', DEADLINES, text(state.deadline), id)
    end
    if state.fence == 1 and not state.is_step then return FIRST end
    return keep(id, state)
end

local function visible_at(id, state)
    return call('ZSCORE', state.claimed and leased(state) or waiting(state), id)
end

-- A delivery as the client reads it: id, when visible, claim (empty: never claimed; or `FIRST`), record.
local function deliver(out, id, at, packed, record)
    out[#out + 1] = id
    out[#out + 1] = at
    out[#out + 1] = packed
    out[#out + 1] = record
end

-- The messages as they are, without those that are gone.
local function look_at(ids)
    local out = {}
    if #ids == 0 then return out end
    local claims = many('HMGET', CLAIMS, ids)
    for place, id in ipairs(ids) do
        local record = call('GET', PREFIX .. 'm:' .. id)
        if record then
            local state = read_claim(claims[place]) or unrecorded(id, read_record(record))
            deliver(out, id, visible_at(id, state) or '0', claims[place] or (state.claimed and FIRST or ''), record)
        end
    end
    return out
end

-- The answer to a claim of one message.
local function claim_unless_held(id, state, now, until_)
    if state.claimed then
        local at = visible_at(id, state)
        if tonumber(at) > now then return { at } end
    end
    local record = call('GET', PREFIX .. 'm:' .. id)
    local packed = take(id, state, read_record(record).timeout, now, until_)
    flush()
    return { id, until_, packed, record }
end
