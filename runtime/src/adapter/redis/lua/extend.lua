-- ARGV: until, then id and fence of each.
local until_ = argument()
local answers = {}
for index, it in ipairs(held(2, 2)) do
    answers[index] = 0
    if is_current(it) then
        answers[index] = 1
        later('ZADD', leased(it.state), until_, it.id)
    end
end
flush()
return answers
