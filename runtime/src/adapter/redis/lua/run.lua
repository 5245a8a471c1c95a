-- Runs. `r:RUN` holds what scripts need to know, what is fixed at creation, and the rest of the head; `g:RUN` the log,
-- `n:RUN` the latest snapshot, `t:RUN` the timers by name and `t` those of all runs by when they are due. Listings go by sorted
-- sets, each in the order of creation: `x` has all runs, `x:s:STATUS` those of a status, and the client names further ones.
-- Of runs that have ended, `e:STATUS` has those of a status by when they ended, and `u` all by when they last changed.
local TIMERS = PREFIX .. 't'

local function read_run(record)
    if not record then return nil end
    local it, at = {}, nil
    it.version, it.stamp, it.status, it.created_at, it.ended_at, it.fixed, at = struct.unpack('>I8c8Bi8i8I4c0', record)
    it.rest = at
    return it
end

local function pack_run(it, head)
    return struct.pack('>I8c8Bi8i8I4', it.version, it.stamp, it.status, it.created_at, it.ended_at, #it.fixed)
        .. it.fixed .. head
end

local function of_status(status) return PREFIX .. 'x:s:' .. status end
local function ended_with(status) return PREFIX .. 'e:' .. status end

-- Moves the run between the sets that its status and end decide on.
local function index(run, before, after, updated_at)
    if not before or before.status ~= after.status then
        if before then call('ZREM', of_status(before.status), run) end
        call('ZADD', of_status(after.status), text(after.created_at), run)
    end
    local had_ended = before and before.ended_at ~= NONE
    if had_ended and (after.ended_at == NONE or before.status ~= after.status) then
        call('ZREM', ended_with(before.status), run)
    end
    if after.ended_at ~= NONE then
        call('ZADD', ended_with(after.status), text(after.ended_at), run)
        call('ZADD', PREFIX .. 'u', updated_at, run)
    elseif had_ended then
        call('ZREM', PREFIX .. 'u', run)
    end
end

local function timers_of(run) return PREFIX .. 't:' .. run end

local function clear_timer(run, name)
    call('HDEL', timers_of(run), name)
    call('ZREM', TIMERS, run .. name)
end
