-- ARGV: positions. Answers positions and records of those that are there.
local members = {}
for index, position in ipairs(ARGV) do members[index] = member(tonumber(position)) end
return add_records({}, members)
