-- ARGV: time, life, text.
redis.call('SET', KEYS[1], struct.pack('>I8', now + ARGV[2]) .. ARGV[3], 'PX', ms(tonumber(ARGV[2])))
return {'ok'}
