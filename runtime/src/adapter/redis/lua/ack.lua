local answers = {}
for index, it in ipairs(held(1, 2)) do
    answers[index] = 0
    if is_current(it) then
        answers[index] = 1
        remove(it.id, it.state)
        it.state.claimed = false
    end
end
flush()
return answers
