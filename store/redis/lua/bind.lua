-- ARGV: time, user code, browser session, its user. The code is compared: the pointer may be older than the request.
if code ~= ARGV[2] or now >= expires then return {'not found'} end
if browser == '' then
  browser, user = ARGV[3], ARGV[4]
  rewrite(state)
elseif browser ~= ARGV[3] then
  return {'taken', r}
end
return {'ok', r}
