-- ARGV: queue of dead letters, now, whether there are other headers, those, then id and fence of each.
local queue, now = argument(), argument()
local replace, headers = argument() == '1', argument()
local answers = {}
for index, it in ipairs(held(5, 2)) do
    answers[index] = 0
    local id, state = it.id, it.state
    if is_current(it) then
        answers[index] = 1
        local record = call('GET', PREFIX .. 'm:' .. id)
        local message = read_record(record)
        if message.is_step then call('HDEL', run_of_items(message.run), message.field) end
        local own, body = struct.unpack('>I4c0', record, message.rest)
        if not replace then headers = own end
        call('SET', PREFIX .. 'm:' .. id, struct.pack('>BBc8I2', 0, message.priority, message.published_at, #queue)
            .. queue .. struct.pack('>I4', #headers) .. headers .. string.sub(record, body))
        stop_clock(id, state)
        later('ZREM', leased(state), id)
        later('ZREM', PREFIX .. 'q:' .. state.queue, id)
        flush()
        state.claimed, state.is_step, state.losses, state.queue = false, false, 0, queue
        later('ZADD', waiting(state), now, id)
        later('ZADD', PREFIX .. 'q:' .. queue, '0', id)
        keep(id, state)
        flush()
    end
end
if #answers > 0 then wake() end
return answers
