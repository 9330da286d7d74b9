-- The user code KEYS[n+1] must not be that of another live request. Its value is "<end> <session id>".
local holder = redis.call('GET', KEYS[n + 1])
if holder and tonumber(string.match(holder, '^%d+')) > now then return {'exists'} end
