-- Second half: every bucket gave, so each is charged. Counter and expiry are one write.
for i = 1, n do
  if tats[i] then redis.call('SET', KEYS[i], tats[i], 'PX', ms(tats[i] - now)) end
end
