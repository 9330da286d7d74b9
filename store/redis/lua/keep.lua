-- Keeps the packed request, the last argument, under the last key. It outlives its end, so that late polls hear why.
redis.call('SET', KEYS[#KEYS], ARGV[#ARGV], 'PX', ms(ARGV[#ARGV - 1] + AFTERLIFE - now))
