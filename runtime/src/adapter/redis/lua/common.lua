-- What every script begins with. KEYS[1] is always there, KEYS[2] never is: while a cluster moves the store's slot to
-- another node, Redis therefore refuses the script instead of running it on half of the keys.
local PREFIX = string.sub(KEYS[1], 1, -7)
local FAR, NONE = 9007199254740991, -9007199254740991
local call = redis.call

local taken = 0
local function argument()
    taken = taken + 1
    return ARGV[taken]
end
local function number() return tonumber(argument()) end
local function text(value) return string.format('%.0f', value) end

-- So many numbers that were never given before, from the one returned on. They follow the server's clock, so that none
-- is given again after a restart at which the last writes were lost.
local function numbers(count)
    local last = tonumber(call('GET', PREFIX .. 'seq') or 0)
    local time = call('TIME')
    local first = math.max(last + 1, time[1] * 1000000 + time[2])
    call('SET', PREFIX .. 'seq', text(first + count - 1))
    return first
end

-- Wakes those who wait; the number is above all before.
local function wake(mark)
    call('XADD', PREFIX .. 'wake', 'MAXLEN', 1, text(mark) .. '-0', 'n', '1')
end

-- Commands put off, so that one command takes the arguments of many messages.
local pending, by_name = {}, {}
local function later(command, key, ...)
    local name = command .. key
    local group = by_name[name]
    if not group then
        group = { command = command, key = key }
        by_name[name] = group
        pending[#pending + 1] = group
    end
    for _, value in ipairs({ ... }) do group[#group + 1] = value end
end
local function flush()
    for _, group in ipairs(pending) do
        -- Even, so that no pair is cut; within what Lua can unpack.
        for from = 1, #group, 4000 do
            call(group.command, group.key, unpack(group, from, math.min(from + 3999, #group)))
        end
    end
    pending, by_name = {}, {}
end

-- Answers of a command that takes many arguments.
local function many(command, key, values)
    local answers = {}
    for from = 1, #values, 4000 do
        local to = math.min(from + 3999, #values)
        local part
        if key then
            part = call(command, key, unpack(values, from, to))
        else
            part = call(command, unpack(values, from, to))
        end
        for _, answer in ipairs(part) do answers[#answers + 1] = answer end
    end
    return answers
end
