-- ARGV: time, life. Of all callers one is the first; the value is when the mark ends.
local held = redis.call('GET', KEYS[1])
if held and tonumber(held) > now then return {'exists'} end
redis.call('SET', KEYS[1], now + ARGV[2], 'PX', ms(tonumber(ARGV[2])))
return {'ok'}
