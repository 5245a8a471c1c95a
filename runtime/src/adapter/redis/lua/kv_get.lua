-- ARGV: namespace, key, now.
local _, packed = current(ARGV[1], ARGV[2], tonumber(ARGV[3]))
return packed or false
