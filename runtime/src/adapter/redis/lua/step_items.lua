-- ARGV: run.
local ids = call('HVALS', run_of_items(ARGV[1]))
table.sort(ids)
return look_at(ids)
