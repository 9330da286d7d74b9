-- The generic cell rate algorithm, first half: would every bucket give a token? Nothing is charged yet.
-- KEYS[1..n] are the buckets, ARGV[2] is n, then for each bucket how far ahead it may run and how long a token takes,
-- less than nothing for a bucket that is only looked at.
local n = tonumber(ARGV[2])
local held = n > 0 and redis.call('MGET', unpack(KEYS, 1, n)) or {}
local tats = {}
for i = 1, n do
  local most = tonumber(ARGV[2 * i + 1])
  local every = tonumber(ARGV[2 * i + 2])
  local tat = math.max(now, tonumber(held[i] or 0)) + math.abs(every)
  if tat - now > most then return {'limited', i, tat - now - most} end
  tats[i] = every > 0 and tat
end
