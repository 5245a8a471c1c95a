-- Values. `v:NAMESPACE` has them by key: version, when they expire, JSON. `v` has the keys of each namespace in order, `y` those
-- that expire by when.
local EXPIRIES = PREFIX .. 'y'
local function values_of(namespace) return PREFIX .. 'v:' .. namespace end
local function keys_of(namespace) return PREFIX .. 'i:' .. namespace end
local function expiring(namespace, key) return struct.pack('>I4', #namespace) .. namespace .. key end

-- A version that was never given before. It follows the server's clock, so that none is given again after a restart at which
-- the last writes were lost.
local function next_version()
    local last = tonumber(call('GET', PREFIX .. 'seq') or 0)
    local time = call('TIME')
    local version = math.max(last + 1, time[1] * 1000000 + time[2])
    call('SET', PREFIX .. 'seq', text(version))
    return version
end

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
