-- KEYS: request, grant, browser session. ARGV: session id, channel. Somebody may be waiting for that request.
if redis.call('DEL', unpack(KEYS)) > 0 then redis.call('PUBLISH', ARGV[2], ARGV[1]) end
return {'ok'}
