-- ARGV: for each id, fence and when it is to be visible.
local answers = {}
for at = 1, #ARGV, 3 do
    local id, fence, visible = ARGV[at], tonumber(ARGV[at + 1]), ARGV[at + 2]
    local state = state_of(id)
    local current = state and state.fence == fence
    if current then
        stop_clock(id, state)
        put_back(id, state, visible)
        if fence > 0 then keep(id, state) end
        flush()
    end
    answers[#answers + 1] = current and 1 or 0
end
if #answers > 0 then wake() end
return answers
