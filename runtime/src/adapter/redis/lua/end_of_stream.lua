return text(last_position())
