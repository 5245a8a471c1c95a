-- ARGV: queue, id, now, until. Answers as the claim of a step does.
local queue, id = argument(), argument()
local now, until_ = number(), argument()
local state = state_of(id)
if not state or state.is_step or state.queue ~= queue then return {} end
return claim_unless_held(id, state, now, until_)
