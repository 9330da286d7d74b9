-- KEYS: the grant, the mark of a revoked access token (its value is when the mark ends).
local found = redis.call('MGET', unpack(KEYS))
local g = found[1]
if not g then return {'not found'} end
local _, rotated, expires, idle = struct.unpack('>I8I8I8I8', g)
if now >= math.min(rotated + idle, expires) then return {'not found'} end
if found[2] and tonumber(found[2]) > now then return {'not found'} end
return {'ok', g}
