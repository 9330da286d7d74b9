-- ARGV: time, when the ticket ends, the ticket.
redis.call('SET', KEYS[1], ARGV[3], 'PX', ms(ARGV[2] - now))
return {'ok'}
