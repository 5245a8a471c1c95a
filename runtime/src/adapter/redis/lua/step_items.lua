-- ARGV: run.
local ids = call('HVALS', run_of_items(ARGV[1]))
table.sort(ids, function(a, b) return tonumber(a) < tonumber(b) end)
return look_at(ids)
