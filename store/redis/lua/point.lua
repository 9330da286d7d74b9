-- The user code points to its session until the request ends. After the pairs of the buckets: the end, the session id.
redis.call('SET', KEYS[n + 1], ARGV[2 * n + 3] .. ' ' .. ARGV[2 * n + 4], 'PX', ms(ARGV[2 * n + 3] - now))
