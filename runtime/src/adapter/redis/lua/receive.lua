local chosen = choose(nil)
local out = {}
if #chosen == 0 then return out end
local ids, keys = {}, {}
for _, it in ipairs(chosen) do
    ids[#ids + 1] = it.id
    keys[#keys + 1] = PREFIX .. 'm:' .. it.id
end
local claims, records = many('HMGET', CLAIMS, ids), many('MGET', false, keys)
for index, it in ipairs(chosen) do
    local id, record, state = it.id, records[index], read_claim(claims[index])
    local timeout = nil
    if not state then
        state = it
        state.fence, state.losses, state.deadline = 0, 0, NONE
        state.is_step = string.byte(record) == 1
    end
    if state.is_step and state.deadline == NONE then timeout = read_record(record).timeout end
    deliver(out, id, until_, take(id, state, timeout, now, until_), record)
end
flush()
return out
