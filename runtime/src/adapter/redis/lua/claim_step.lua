-- ARGV: run, step, now, until. No answer: gone; one value: held until then; else the delivery.
local run, field = argument(), argument()
local now, until_ = number(), argument()
local id = call('HGET', run_of_items(run), field)
if not id then return {} end
local state = state_of(id)
local at = visible_at(id, state)
if tonumber(at) >= FAR then return { at } end
return claim_unless_held(id, state, now, until_)
