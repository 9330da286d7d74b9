-- ARGV: time, browser session.
if browser ~= ARGV[2] then return {'not found'} end
if now >= expires and (state == 'p' or state == 'a') then r = 'e' .. string.sub(r, 2) end
return {'ok', r}
