// What an API must know about an access token of Handclasp (RFC 9068), and how it refuses one (RFC 6750 §3).

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { statusLists } from './status.js';

// The faults of the issuer, not of the token: nobody can say whether the token is good.
const awayCodes = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT']);

export class Refusal extends Error {
  constructor(status, error, params = {}) {
    super(error);
    Object.assign(this, { status, error, params });
  }
}

// verifier knows the issuer. What it returns makes a middleware that lets only good tokens with all of these
// scopes through, as req.token.
export function verifier({ issuer, audience }) {
  // Keys are kept for ten minutes. An unknown one makes one fetch, at most every ten seconds.
  const keys = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`), { cooldownDuration: 10_000, timeoutDuration: 5_000 });
  const takenBack = statusLists({ issuer, keys });

  async function read(req) {
    // Only the header counts: a token in a query lands in logs (RFC 6750 §5.3).
    const [, text] = /^Bearer +([^ ]+) *$/i.exec(req.get('authorization') ?? '') ?? [];
    if (!text || text.length > 8192) throw new Refusal(401, text ? 'invalid_token' : undefined);
    let claims;
    try {
      ({ payload: claims } = await jwtVerify(text, keys, {
        issuer,
        audience,
        algorithms: ['RS256'], // the token does not get to choose
        typ: 'at+jwt', // or an ID token would do
        requiredClaims: ['exp', 'iat', 'jti', 'sub', 'client_id'],
      }));
    } catch (err) {
      const away = !(err instanceof errors.JOSEError) || awayCodes.has(err.code);
      throw away ? new Refusal(503, 'temporarily_unavailable') : new Refusal(401, 'invalid_token');
    }
    // jose takes any of several audiences; a token of Handclasp has one. One that is bound to a key (cnf) needs a proof,
    // which is not looked at here: as a bearer token it must not pass (RFC 9449 §7.1).
    if (claims.aud !== audience || claims.cnf !== undefined) throw new Refusal(401, 'invalid_token');
    const back = await takenBack(claims).catch((err) => {
      console.error(err.message);
      throw new Refusal(503, 'temporarily_unavailable');
    });
    if (back) throw new Refusal(401, 'invalid_token');
    return claims;
  }

  return (...scopes) =>
    async (req, res, next) => {
      const claims = await read(req); // express 5 hands a rejection to the error handler
      const held = String(claims.scope ?? '').split(' ');
      if (!scopes.every((scope) => held.includes(scope))) {
        throw new Refusal(403, 'insufficient_scope', { scope: scopes.join(' ') });
      }
      req.token = claims;
      next();
    };
}

// answer writes a refusal; any other error is 500 and says nothing.
export function answer(err, req, res, next) {
  if (!(err instanceof Refusal)) {
    console.error(err);
    res.status(500).json({ error: 'server_error' });
    return;
  }
  if (err.status === 503) {
    res.set('Retry-After', '10');
  } else {
    // Without a token there is no error: nothing was wrong, nothing was there (RFC 6750 §3.1).
    const params = Object.entries({ ...(err.error && { error: err.error }), ...err.params });
    res.set('WWW-Authenticate', `Bearer ${params.map(([name, value]) => `${name}="${value}"`).join(', ')}`.trim());
  }
  res.set('Cache-Control', 'no-store');
  res.status(err.status).json({ error: err.error ?? 'invalid_token' });
}
