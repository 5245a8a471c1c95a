local function is_step(id) return call('GETRANGE', PREFIX .. 'm:' .. id, 0, 0) == '\1' end
local out = {}
for _, it in ipairs(choose(is_step)) do
    local state = state_of(it.id)
    note_loss(state)
    put_back(it.id, state, until_)
    deliver(out, it.id, until_, keep(it.id, state), call('GET', PREFIX .. 'm:' .. it.id))
end
flush()
return out
