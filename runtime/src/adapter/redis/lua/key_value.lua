-- Values. `v:NAMESPACE` has them by key: version, when they expire, JSON. `v` has the keys of each namespace in order, `y` those
-- that expire by when.
local EXPIRIES = PREFIX .. 'y'
local function values_of(namespace) return PREFIX .. 'v:' .. namespace end
local function keys_of(namespace) return PREFIX .. 'i:' .. namespace end
local function expiring(namespace, key) return struct.pack('>I4', #namespace) .. namespace .. key end

-- Version and expiry of what is there at that time.
local function current(namespace, key, now)
    local packed = call('HGET', values_of(namespace), key)
    if not packed then return nil end
    local version, expires_at = struct.unpack('>I8i8', packed)
    if expires_at <= now then return nil end
    return version, packed
end

local function forget(namespace, key)
    call('HDEL', values_of(namespace), key)
    call('ZREM', keys_of(namespace), key)
    call('ZREM', EXPIRIES, expiring(namespace, key))
end
