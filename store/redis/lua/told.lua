return {'ok', string.sub(n, 9)}
