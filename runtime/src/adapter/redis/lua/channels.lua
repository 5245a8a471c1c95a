-- Answers name, number of records, first and last position of each channel.
local answer = {}
for _, channel in ipairs(call('SMEMBERS', CHANNELS)) do
    local set = of_channel(channel)
    answer[#answer + 1] = channel
    answer[#answer + 1] = call('ZCARD', set)
    answer[#answer + 1] = text(tonumber(call('ZRANGE', set, 0, 0)[1]))
    answer[#answer + 1] = text(tonumber(call('ZRANGE', set, -1, -1)[1]))
end
return answer
