-- ARGV: time, browser session, reason, session id, channel.
if browser == '' then return {'not found'} end
if browser ~= ARGV[2] then return {'taken'} end
if state == 'd' then return {'ok'} end
if state ~= 'p' then return {'decided'} end
if now >= expires then return {'expired'} end
reason = ARGV[3]
rewrite('d')
redis.call('PUBLISH', ARGV[5], ARGV[4])
return {'ok'}
