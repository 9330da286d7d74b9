-- ARGV: time, secret, client, fingerprint, 1 for a second look, session id, channel, the key that was shown, the key to bind
-- the grant to, 1 to have a grant again. The order is that of store.Tickets. Behind the secret stands the key that the request is bound to, if any.
local bound = string.match(secret, ' (.*)$')
if bound then secret = string.sub(secret, 1, -#bound - 2) end
if secret ~= ARGV[2] or client ~= ARGV[3] then return {'unknown'} end
if state == 'r' then
  local g = bound and ARGV[10] == '1' and ARGV[8] ~= '' and redis.call('GET', KEYS[2])
  if not g then return {'unknown'} end
  local created, _, _, _, _, _, _, previous, _, device, _, _, _, _, _, at =
    struct.unpack('>I8I8I8I8I8I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0I2c0', g)
  local key = #g > at + 8 and struct.unpack('>I2c0', g, at + 8)
  if key == ARGV[8] and device == ARGV[4] and previous == '' and now - created <= AGAIN then return {'granted', g} end
  return {'unknown'}
end
if bound and bound ~= ARGV[8] and (bound ~= ANYKEY or ARGV[8] == '') then return {'wrong key'} end
if fingerprint ~= '' and fingerprint ~= ARGV[4] then
  wrong = math.min(wrong + 1, 255)
  local kill = wrong >= WRONG and (state == 'p' or state == 'a') and now < expires
  if kill then state = 'k' end
  redis.call('SETRANGE', KEYS[1], 0, struct.pack('c1B', state, wrong))
  if kill then redis.call('PUBLISH', ARGV[7], ARGV[6]) end
  return {'wrong fingerprint', r, kill and 1 or 0}
end
if state == 'k' then return {'killed'} end
if state == 'p' and now < expires then
  if ARGV[5] == '1' then return {'p', interval} end
  if forgiven == 0 and now - counted <= REPEAT then
    redis.call('SETRANGE', KEYS[1], 3, '\1')
    return {said, interval}
  end
  -- A clock that jumped back must not make a client wait for the time that it lost.
  local early = now >= accepted and now - accepted < interval - SLACK
  said = early and 's' or 'p'
  if not early then accepted = now
  elseif interval < MOST then interval = math.min(interval + STEP, MOST) end
  redis.call('SETRANGE', KEYS[1], 2, struct.pack('>c1BI8I8I8', said, 0, interval, accepted, now))
  return {said, interval}
end
