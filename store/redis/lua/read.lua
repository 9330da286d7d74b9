-- ARGV: time, the asker's half, the mailed half; one of the two is empty. Nothing is counted.
if fits(device, ARGV[2]) or fits(mail, ARGV[3]) then return {'ok', l} end
return {'not found'}
