-- Opens the note KEYS[1]: when it ends, in eight bytes, and its text. ARGV: time.
local n = redis.call('GET', KEYS[1])
if not n or now >= struct.unpack('>I8', n) then return {'not found'} end
