-- ARGV: runs.
local out = {}
for place, run in ipairs(ARGV) do out[place] = call('GET', PREFIX .. 'r:' .. run) or '' end
return out
