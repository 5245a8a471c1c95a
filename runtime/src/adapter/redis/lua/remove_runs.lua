-- ARGV: for each run its id, workflow, idempotency key, and the number and names of its further sets. Answers how many have gone.
local removed = 0
while taken < #ARGV do
    local run, workflow, key = argument(), argument(), argument()
    local indexes = {}
    for place = 1, number() do indexes[place] = argument() end
    local place = PREFIX .. 'r:' .. run
    local it = read_run(call('GET', place))
    if it and it.ended_at ~= NONE then
        removed = removed + 1
        for _, id in ipairs(call('HVALS', run_of_items(run))) do remove(id, state_of(id)) end
        flush()
        for _, name in ipairs(call('HKEYS', timers_of(run))) do call('ZREM', TIMERS, run .. name) end
        for _, name in ipairs(indexes) do call('ZREM', PREFIX .. name, run) end
        call('ZREM', of_status(it.status), run)
        call('ZREM', ended_with(it.status), run)
        call('ZREM', PREFIX .. 'u', run)
        if key ~= '' then call('HDEL', PREFIX .. 'k:' .. workflow, key) end
        call('DEL', place, PREFIX .. 'g:' .. run, PREFIX .. 'n:' .. run, timers_of(run), run_of_items(run))
    end
end
return removed
