-- ARGV: time, the asker's half, the mailed half, the code. Everything shown must fit, and the asker's half alone is not enough.
local second = (fits(mail, ARGV[3]) and (ARGV[4] == '' or fits(code, ARGV[4]))) or (ARGV[3] == '' and fits(code, ARGV[4]))
if fits(device, ARGV[2]) and second then
  redis.call('DEL', KEYS[1])
  return {'ok', l}
end
if tries + 1 >= HALVES then
  redis.call('DEL', KEYS[1])
else
  redis.call('SETRANGE', KEYS[1], 0, struct.pack('B', tries + 1))
end
return {'wrong'}
