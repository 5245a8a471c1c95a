-- ARGV: count, then what the client's `add_message` adds for each.
local ids = {}
for index = 1, number() do ids[index] = insert() end
flush()
wake()
return ids
