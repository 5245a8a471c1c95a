-- Puts in the next message of the arguments; gives its id, or that of the item its attempt has already.
local function insert()
    local id, available_at, place, queue = argument(), argument(), argument(), argument()
    local run, field, record = argument(), argument(), argument()
    if run ~= '' then
        local items = PREFIX .. 's:' .. run
        local there = call('HGET', items, field)
        if there then return there end
        call('HSET', items, field, id)
    end
    later('MSET', false, PREFIX .. 'm:' .. id, record)
    later('ZADD', PREFIX .. 'w:' .. place, available_at, id)
    later('ZADD', PREFIX .. 'q:' .. queue, '0', id)
    return id
end
