-- ARGV: count, then for each when it is visible and its record.
local count = number()
local id = numbers(count)
local last = id + count - 1
local ids = {}
for index = 1, count do
    local available_at = argument()
    ids[index] = insert(text(id), available_at, argument())
    id = id + 1
end
flush()
wake(last)
return ids
