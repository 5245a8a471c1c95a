-- ARGV: queue, now. Answers ready, delayed, leased.
local ready, delayed, held = 0, 0, 0
for priority = 0, 3 do
    local place = { priority = priority, queue = ARGV[1] }
    local visible = call('ZCOUNT', waiting(place), '-inf', ARGV[2])
    ready = ready + visible
    delayed = delayed + call('ZCARD', waiting(place)) - visible
    visible = call('ZCOUNT', leased(place), '-inf', ARGV[2])
    ready = ready + visible
    held = held + call('ZCARD', leased(place)) - visible
end
return { ready, delayed, held }
