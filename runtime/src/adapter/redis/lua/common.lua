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

-- Wakes those who wait: they read this stream from the last entry they have seen.
local function wake() call('XADD', PREFIX .. 'wake', 'MAXLEN', '~', '1000', '*', 'n', '1') end

-- Commands put off, so that one command takes the arguments of many messages. Those without a key of their own have `false`.
-- What is put off together does not depend on its order.
local pending, groups = {}, {}
local function later(command, key, first, second)
    local by_key = groups[command]
    if not by_key then
        by_key = {}
        groups[command] = by_key
    end
    local group = by_key[key]
    if not group then
        group = { command = command, key = key }
        by_key[key] = group
        pending[#pending + 1] = group
    end
    local size = #group
    group[size + 1] = first
    group[size + 2] = second
end
-- One command over many arguments, with a key before them unless that is `false`; gives the sum of its answers.
local function bulk(command, key, values)
    local sum = 0
    -- Even, so that no pair is cut; within what Lua can unpack.
    for from = 1, #values, 4000 do
        local to = math.min(from + 3999, #values)
        local answer
        if key then
            answer = call(command, key, unpack(values, from, to))
        else
            answer = call(command, unpack(values, from, to))
        end
        sum = sum + (tonumber(answer) or 0)
    end
    return sum
end
local function flush()
    for _, group in ipairs(pending) do bulk(group.command, group.key, group) end
    pending, groups = {}, {}
end

-- Answers of a command that takes many arguments, and a key before them unless that is `false`.
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
        if #values <= 4000 then return part end
        for index, answer in ipairs(part) do answers[from + index - 1] = answer end
    end
    return answers
end
