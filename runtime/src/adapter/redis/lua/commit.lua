-- ARGV: how many commits, then for each what the client's `add_commit` adds, in that order. Answers for each: 1, committed; 2 and
-- a version, a conflict with what was found; 2 alone, a conflict with nothing; 3 and a run, a duplicate of that.
local function settle(run, field)
    local id = call('HGET', run_of_items(run), field)
    if id then remove(id, state_of(id)) end
end

local function reschedule(run, field, at, now)
    local id = call('HGET', run_of_items(run), field)
    if not id then return end
    local state = state_of(id)
    if state.claimed and tonumber(visible_at(id, state)) > now then return end
    note_loss(state)
    stop_clock(id, state)
    put_back(id, state, at)
    state.fence = state.fence + 1
    keep(id, state)
end

local changed = false

local function write()
    local run, expected, version = argument(), argument(), number()
    local known, stamp = argument(), argument()
    local status, created_at, ended_at, updated_at = number(), number(), number(), argument()
    local head, row, snapshot = argument(), argument(), argument()
    -- Only those of a first commit have the following three.
    local fixed, workflow, key = argument(), argument(), argument()
    local indexes = {}
    for place = 1, number() do indexes[place] = argument() end
    local settles, reschedules, clears, sets = {}, {}, {}, {}
    for place = 1, number() do settles[place] = { argument(), argument() } end
    -- Those of messages are read when they are put in.
    local messages = number()
    local first_message = taken
    taken = taken + 7 * messages
    for place = 1, number() do reschedules[place] = { argument(), argument(), argument() } end
    for place = 1, number() do clears[place] = { argument(), argument() } end
    for place = 1, number() do sets[place] = { argument(), argument(), argument(), argument() } end
    local at = number()
    -- Those of publications, too.
    local first_publication = taken
    for _ = 1, number() do
        taken = taken + 4
        local deliveries = number()
        taken = taken + 7 * deliveries
    end

    local place = PREFIX .. 'r:' .. run
    local before = read_run(call('GET', place))
    if before and before.version == version and before.stamp == stamp then
        -- This commit, sent again because its answer was lost.
        return { 1 }
    end
    if before then
        local is_expected = expected ~= '' and before.version == tonumber(expected)
        -- The same version may be another one's, where the server has come back without its last writes.
        if not is_expected or (known ~= '' and before.stamp ~= known) then return { 2, text(before.version) } end
    elseif expected ~= '' then
        return { 2 }
    elseif key ~= '' then
        local keys = PREFIX .. 'k:' .. workflow
        local existing = call('HGET', keys, key)
        if existing then return { 3, existing } end
        call('HSET', keys, key, run)
    end

    local after = { version = version, stamp = stamp, status = status, ended_at = ended_at }
    if before then
        after.fixed, after.created_at = before.fixed, before.created_at
    else
        after.fixed, after.created_at = fixed, created_at
        for _, name in ipairs(indexes) do call('ZADD', PREFIX .. name, text(created_at), run) end
    end
    call('SET', place, pack_run(after, head))
    index(run, before, after, updated_at)
    call('RPUSH', PREFIX .. 'g:' .. run, row)
    if snapshot ~= '' then call('SET', PREFIX .. 'n:' .. run, snapshot) end

    for _, it in ipairs(settles) do settle(it[1], it[2]) end
    flush()
    local read = taken
    taken = first_message
    for _ = 1, messages do insert() end
    taken = read
    flush()
    for _, it in ipairs(reschedules) do
        reschedule(it[1], it[2], it[3], at)
        flush()
    end
    changed = changed or messages > 0 or #reschedules > 0
    for _, it in ipairs(clears) do clear_timer(it[1], it[2]) end
    for _, it in ipairs(sets) do
        call('HSET', timers_of(it[1]), it[2], it[4])
        call('ZADD', TIMERS, it[3], it[1] .. it[2])
    end
    read = taken
    taken = first_publication
    changed = #append_all() > 0 or changed
    taken = read
    return { 1 }
end

local outcomes = {}
for place = 1, number() do outcomes[place] = write() end
if changed then wake() end
return outcomes
