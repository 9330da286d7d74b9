// What an API must know about an access token of Handclasp (RFC 9068), and how it refuses one (RFC 6750 §3).

import { createRemoteJWKSet, errors, jwtVerify } from 'jose';
import { algorithms, proofs } from './proof.js';
import { statusLists } from './status.js';

// The faults of the issuer, not of the token: nobody can say whether the token is good.
const awayCodes = new Set(['ERR_JOSE_GENERIC', 'ERR_JWKS_INVALID', 'ERR_JWKS_TIMEOUT']);

export class Refusal extends Error {
  constructor(status, error, params = {}, scheme = 'Bearer') {
    super(error);
    Object.assign(this, { status, error, params, scheme });
  }
}

// verifier knows the issuer. What it returns makes a middleware that lets only good tokens with all of these
// scopes through, as req.token. Clients find the API at url.
export function verifier({ issuer, audience, url }) {
  // Keys are kept for ten minutes. An unknown one makes one fetch, at most every ten seconds.
  const keys = createRemoteJWKSet(new URL(`${issuer}/oauth/jwks`), { cooldownDuration: 10_000, timeoutDuration: 5_000 });
  const takenBack = statusLists({ issuer, keys });
  const proves = proofs(url);

  async function read(req) {
    // Only the header counts: a token in a query lands in logs (RFC 6750 §5.3).
    const [, scheme, text] = /^(Bearer|DPoP) +([^ ]+) *$/i.exec(req.get('authorization') ?? '') ?? [];
    if (!text) throw new Refusal(401);
    const bound = scheme.toLowerCase() === 'dpop';
    const refused = (error) => new Refusal(401, error, {}, bound ? 'DPoP' : 'Bearer');
    if (text.length > 8192) throw refused('invalid_token');
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
      throw away ? new Refusal(503, 'temporarily_unavailable') : refused('invalid_token');
    }
    // jose takes any of several audiences; a token of Handclasp has one. One that is bound to a key (cnf) is shown with a proof,
    // and never as a bearer token (RFC 9449 §7.1).
    if (claims.aud !== audience || bound !== (claims.cnf !== undefined)) throw refused('invalid_token');
    const away = (err) => {
      console.error(err.message);
      throw new Refusal(503, 'temporarily_unavailable');
    };
    if (bound && !(await proves(req, text, claims.cnf.jkt).catch(away))) throw refused('invalid_dpop_proof');
    if (await takenBack(claims).catch(away)) throw refused('invalid_token');
    return { claims, scheme: bound ? 'DPoP' : 'Bearer' };
  }

  return (...scopes) =>
    async (req, res, next) => {
      const { claims, scheme } = await read(req); // express 5 hands a rejection to the error handler
      const held = String(claims.scope ?? '').split(' ');
      if (!scopes.every((scope) => held.includes(scope))) {
        throw new Refusal(403, 'insufficient_scope', { scope: scopes.join(' ') }, scheme);
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
    // Without a token there is no error: nothing was wrong, nothing was there (RFC 6750 §3.1). At 401 both ways are offered.
    const said = { ...(err.error && { error: err.error }), ...err.params };
    for (const scheme of ['Bearer', 'DPoP']) {
      if (scheme !== err.scheme && err.status !== 401) continue;
      const params = { ...(scheme === err.scheme && said), ...(scheme === 'DPoP' && { algs: algorithms.join(' ') }) };
      const text = Object.entries(params).map(([name, value]) => `${name}="${value}"`);
      res.append('WWW-Authenticate', `${scheme} ${text.join(', ')}`.trim());
    }
  }
  res.set('Cache-Control', 'no-store');
  res.status(err.status).json({ error: err.error ?? 'invalid_token' });
}
