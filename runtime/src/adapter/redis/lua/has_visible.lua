-- ARGV: now, queues…. Answers 1 or 0.
local now = number()
for index = 2, #ARGV do
    for priority = 0, 3 do
        local place = { priority = priority, queue = ARGV[index] }
        for _, key in ipairs({ waiting(place), leased(place) }) do
            if #call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 1) > 0 then return 1 end
        end
    end
end
return 0
