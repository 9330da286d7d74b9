-- ARGV: time, browser session, user, device, packed approval, session id, channel.
if browser == '' then return {'not found'} end
if browser ~= ARGV[2] then return {'taken'} end
if (state == 'a' or state == 'r') and user == ARGV[3] and device == ARGV[4] then return {'ok'} end
if state ~= 'p' then return {'decided'} end
if now >= expires then return {'expired'} end
user, device, approval = ARGV[3], ARGV[4], ARGV[5]
rewrite('a')
redis.call('PUBLISH', ARGV[7], ARGV[6])
return {'ok'}
