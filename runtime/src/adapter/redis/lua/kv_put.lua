-- ARGV: namespace, key, now, expected version (or nothing), when it expires, JSON. Answers the version, or nothing.
local namespace, key = ARGV[1], ARGV[2]
if ARGV[4] ~= '' and (current(namespace, key, tonumber(ARGV[3])) or 0) ~= tonumber(ARGV[4]) then return false end
local version, expires_at = next_version(), tonumber(ARGV[5])
call('HSET', values_of(namespace), key, struct.pack('>I8i8', version, expires_at) .. ARGV[6])
call('ZADD', keys_of(namespace), 0, key)
if expires_at < FAR then
    call('ZADD', EXPIRIES, text(expires_at), expiring(namespace, key))
else
    call('ZREM', EXPIRIES, expiring(namespace, key))
end
return text(version)
