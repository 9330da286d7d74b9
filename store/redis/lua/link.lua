-- Opens the packed link KEYS[1].
local l = redis.call('GET', KEYS[1])
if not l then return {'not found'} end
local tries, expires, device, mail, code = struct.unpack('>BI8I2c0I2c0I2c0', l)
if now >= expires then return {'not found'} end
local function fits(kept, shown) return kept ~= '' and kept == shown end
