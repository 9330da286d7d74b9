-- ARGV: time, secret. The last use is written at most once a minute.
local b = redis.call('GET', KEYS[1])
if not b then return {'not found'} end
local seen, expires, idle, secret = struct.unpack('>I8I8I8I2c0', b)
if secret ~= ARGV[2] or now >= math.min(seen + idle, expires) then return {'not found'} end
if now - seen >= MINUTE then
  local at = struct.pack('>I8', now)
  redis.call('SETRANGE', KEYS[1], 0, at)
  redis.call('PEXPIRE', KEYS[1], ms(math.min(idle, expires - now)))
  b = at .. string.sub(b, 9)
end
return {'ok', b}
