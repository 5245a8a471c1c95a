-- Receipts with a current claim. ARGV: id and fence of each, from `first` on, `width` arguments each.
local function held(first, width)
    local ids, found = {}, {}
    for at = first, #ARGV, width do ids[#ids + 1] = ARGV[at] end
    if #ids == 0 then return found end
    local claims = many('HMGET', CLAIMS, ids)
    local known = {}
    for index, id in ipairs(ids) do
        -- One that is named twice has one state.
        local state = known[id] or read_claim(claims[index]) or unrecorded(id, find(id))
        known[id] = state
        found[index] = { id = id, fence = tonumber(ARGV[first + (index - 1) * width + 1]), state = state }
    end
    return found
end

local function is_current(it) return it.state and it.state.claimed and it.state.fence == it.fence end
