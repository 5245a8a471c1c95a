-- ARGV: queue, id.
local state = state_of(ARGV[2])
if not state or state.queue ~= ARGV[1] then return {} end
return look_at({ ARGV[2] })
