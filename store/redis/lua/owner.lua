-- Opens the second part of the request: who opened it, and what was decided. rewrite puts both parts back.
local code, browser, user, device, reason, approval, rest = struct.unpack('>I2c0I2c0I2c0I2c0I2c0I2c0', r, at)
local function rewrite(to)
  r = to .. string.sub(r, 2, at - 1) .. struct.pack('>I2c0I2c0I2c0I2c0I2c0I2c0', #code, code, #browser, browser,
    #user, user, #device, device, #reason, reason, #approval, approval) .. string.sub(r, rest)
  redis.call('SET', KEYS[1], r, 'KEEPTTL')
end
