-- Poll goes on here when the request is not pending: it is denied, expired, or handed out to this caller alone.
if state == 'd' then return {'denied', reason} end
if now >= expires then return {'expired'} end
local idle, absolute, auth, jti, following, amr, at = struct.unpack('>I8I8I8I2c0I2c0I2c0', approval)
local g = struct.pack('>I8I8I8I8I8I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0', now, now, now + absolute, idle, auth,
  #jti, jti, #following, following, 0, '', #client, client, #fingerprint, fingerprint, #scope, scope,
  #audience, audience, #user, user, #device, device, #amr, amr)
-- What was approved before there were status lists ends before a place in one.
local place = string.sub(approval, at)
if place == '' then place = struct.pack('>I8', 0) end
g = g .. place .. struct.pack('>I2c0', #ARGV[9], ARGV[9])
redis.call('SET', KEYS[2], g, 'PX', ms(math.min(idle, absolute)))
approval = ''
rewrite('r')
return {'granted', g}
