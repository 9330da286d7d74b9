-- The time that decides is Redis's own, in microseconds; ARGV[1] is a skew that only tests set.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2] + ARGV[1]
local function ms(us) return math.max(1, math.ceil(us / 1000)) end
