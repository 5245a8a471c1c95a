-- ARGV: what the client's `add_publications` adds.
local answers = append_all()
wake()
return answers
