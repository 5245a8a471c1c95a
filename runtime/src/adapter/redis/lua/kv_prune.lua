-- ARGV: now.
local expired = call('ZRANGEBYSCORE', EXPIRIES, '-inf', ARGV[1])
for _, member in ipairs(expired) do
    local namespace, at = struct.unpack('>I4c0', member)
    forget(namespace, string.sub(member, at))
end
return #expired
