-- ARGV: runs. Answers for each the run, its snapshot and the log after it; nothing where there is no such run.
local out = {}
for place, run in ipairs(ARGV) do
    local record = call('GET', PREFIX .. 'r:' .. run)
    if record then
        local version = struct.unpack('>I8', record)
        local snapshot = call('GET', PREFIX .. 'n:' .. run)
        local from = snapshot and struct.unpack('>I8', snapshot) or 0
        out[place] = { record, snapshot or '', call('LRANGE', PREFIX .. 'g:' .. run, from, -1) }
    else
        out[place] = {}
    end
end
return out
