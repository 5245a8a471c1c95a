-- ARGV: namespace, key, now, expected version (or nothing). Answers 0, or nothing.
if ARGV[4] ~= '' and (current(ARGV[1], ARGV[2], tonumber(ARGV[3])) or 0) ~= tonumber(ARGV[4]) then return false end
forget(ARGV[1], ARGV[2])
return '0'
