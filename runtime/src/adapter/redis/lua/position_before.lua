-- ARGV: time. Records of later positions may have been published a little earlier by the clock of another publisher, so of those
-- that come first by their time the one that stands first counts.
local first
for _, name in ipairs(call('ZRANGEBYSCORE', TIMES, ARGV[1], '+inf', 'LIMIT', 0, 4000)) do
    local position = tonumber(name)
    if not first or position < first then first = position end
end
return text(first and first - 1 or last_position())
