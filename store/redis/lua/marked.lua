-- KEYS: a mark; its value is when it ends.
local held = redis.call('GET', KEYS[1])
if held and tonumber(held) > now then return {'ok'} end
return {'not found'}
