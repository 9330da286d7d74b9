-- The time that decides, in microseconds, is ARGV[1] or, if that is 0, Redis's own.
local now = tonumber(ARGV[1])
if now == 0 then
  local clock = redis.call('TIME')
  now = clock[1] * 1000000 + clock[2]
end
local function ms(us) return math.max(1, math.ceil(us / 1000)) end
