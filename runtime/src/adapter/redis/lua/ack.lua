-- First claims of one place, as most are, go without a look at each. Gives their number; nil where there are others.
local function remove_first_claims()
    local ids, keys, seen = {}, {}, {}
    for at = 1, #ARGV, 2 do
        local id = ARGV[at]
        if ARGV[at + 1] ~= '1' or seen[id] then return nil end
        seen[id] = true
        ids[#ids + 1] = id
        keys[#keys + 1] = PREFIX .. 'm:' .. id
    end
    local place = #ids > 0 and find(ids[1])
    if not place then return nil end
    for _, score in ipairs(many('ZMSCORE', leased(place), ids)) do
        if not score then return nil end
    end
    if call('EXISTS', CLAIMS) == 1 then
        for _, claim in ipairs(many('HMGET', CLAIMS, ids)) do
            if claim then return nil end
        end
    end
    bulk('ZREM', leased(place), ids)
    bulk('ZREM', PREFIX .. 'q:' .. place.queue, ids)
    bulk('DEL', false, keys)
    return #ids
end

local answers = {}
local removed = remove_first_claims()
if removed then
    for index = 1, removed do answers[index] = 1 end
    return answers
end
for index, it in ipairs(held(1, 2)) do
    answers[index] = 0
    if is_current(it) then
        answers[index] = 1
        remove(it.id, it.state)
        it.state.claimed = false
    end
end
flush()
return answers
