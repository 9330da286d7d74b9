-- KEYS[1] is the grant, packed as redeem.lua does. ARGV: time, the presented JTI, its successor, the one after that,
-- client, fingerprint, audience, scopes on a line each, the key that was shown.
local g = redis.call('GET', KEYS[1])
if not g then return {'not found'} end
local created, rotated, expires, idle, auth, jti, following, previous, client, fingerprint, scope, audience, _, _, _, at =
  struct.unpack('>I8I8I8I8I8I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0', g)
if now >= math.min(rotated + idle, expires) then return {'not found'} end
if client ~= ARGV[5] or (ARGV[6] ~= '' and fingerprint ~= '' and fingerprint ~= ARGV[6]) then return {'foreign'} end
-- What began before there were keys, or status lists, ends before one.
local bound = #g > at + 8 and struct.unpack('>I2c0', g, at + 8) or ''
if bound ~= '' and bound ~= ARGV[9] then return {'key'} end
local function has(list, item) return string.find('\n' .. list .. '\n', '\n' .. item .. '\n', 1, true) end
for item in string.gmatch(ARGV[8], '[^\n]+') do
  if not has(scope, item) then return {'scope'} end
end
if ARGV[7] ~= '' and not has(audience, ARGV[7]) then return {'target'} end

local shown = ARGV[2]
if shown == jti or shown == following then
  -- Five numbers and three names with their lengths stand before what never changes.
  local tail = string.sub(g, 40 + 6 + #jti + #following + #previous + 1)
  g = struct.pack('>I8I8I8I8I8I2c0I2c0I2c0', created, now, expires, idle, auth,
    #ARGV[3], ARGV[3], #ARGV[4], ARGV[4], #shown, shown) .. tail
  redis.call('SET', KEYS[1], g, 'PX', ms(math.min(idle, expires - now)))
  return {'ok', g}
end
if shown == previous and now - rotated <= GRACE then return {'ok', g} end
redis.call('DEL', KEYS[1])
return {'reused'}
