-- Opens the packed request KEYS[1]; requests.go says how it is packed. What lies behind audience may change later.
local r = redis.call('GET', KEYS[1])
if not r then return {'not found'} end
local state, wrong, said, forgiven, interval, accepted, counted, expires, secret, client, fingerprint, scope, audience, at =
  struct.unpack('>c1Bc1BI8I8I8I8I2c0I2c0I2c0I2c0I2c0', r)
if now >= expires + AFTERLIFE then return {'not found'} end
