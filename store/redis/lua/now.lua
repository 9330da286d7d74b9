-- The time that decides is Redis's own, in microseconds. ARGV[1] is 0 but in tests: a skew, or behind an @ the time itself.
local now
if string.byte(ARGV[1]) == 64 then now = tonumber(string.sub(ARGV[1], 2)) else
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2] + ARGV[1]
end
local function ms(us) return math.max(1, math.ceil(us / 1000)) end
