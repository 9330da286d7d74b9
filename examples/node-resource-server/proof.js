// Whether the one who shows a token holds the key that it is bound to (DPoP, RFC 9449 §4.3).

import { createHash } from 'node:crypto';
import { calculateJwkThumbprint, EmbeddedJWK, jwtVerify } from 'jose';

export const algorithms = ['ES256', 'EdDSA', 'RS256', 'PS256'];

const age = 60; // seconds for which a proof is good
const skew = 5; // seconds that two honest clocks may differ
const most = 100_000; // proofs that are remembered at once

const hash = (text) => createHash('sha256').update(text).digest('base64url');

// proofs judges proofs for requests to this URL, under which clients find the API. It is never read from a request: a proof that
// was made for another server must not be good here.
export function proofs(url) {
  const shown = new Map(); // until when a proof is remembered, the oldest first

  // first says whether a proof was never shown before. It throws if that cannot be remembered.
  function first(id) {
    const now = Date.now();
    for (const [old, until] of shown) {
      if (until > now) break;
      shown.delete(old);
    }
    if (shown.has(id)) return false;
    if (shown.size >= most) throw new Error('too many proofs at once');
    shown.set(id, now + (age + 2 * skew) * 1_000);
    return true;
  }

  // What comes back says whether this request proves the key of this thumbprint, for this token.
  return async (req, token, thumbprint) => {
    let proof, key;
    try {
      // Several headers come as one with a comma, which no proof holds. The key comes along, and has to be public.
      const read = await jwtVerify(req.get('dpop') ?? '', EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms,
        maxTokenAge: age,
        clockTolerance: skew,
        requiredClaims: ['jti', 'htm', 'htu', 'iat', 'ath'],
      });
      [proof, key] = [read.payload, read.protectedHeader.jwk];
    } catch {
      return false;
    }
    const asked = new URL(url.replace(/\/$/, '') + req.originalUrl);
    const told = URL.canParse(proof.htu) ? new URL(proof.htu) : null;
    return (
      proof.htm === req.method &&
      told?.origin === asked.origin &&
      told.pathname === asked.pathname &&
      proof.ath === hash(token) &&
      (await calculateJwkThumbprint(key)) === thumbprint &&
      first(hash(`${thumbprint}.${proof.jti}`)) // last, so that only good ones are remembered
    );
  };
}
