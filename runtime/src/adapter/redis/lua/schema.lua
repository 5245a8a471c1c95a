return call('GET', KEYS[1])
