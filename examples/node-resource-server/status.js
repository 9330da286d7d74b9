// Whether a token was taken back before its time: the issuer's list says so (draft-ietf-oauth-status-list).

import { inflateSync } from 'node:zlib';
import { jwtVerify } from 'jose';

const most = 1 << 20; // bytes of a list, unpacked
const skew = 5; // seconds that two honest clocks may differ
const between = 2_000; // milliseconds from a try that failed to the next

// statusLists reads lists of this issuer, signed by one of these keys. What it returns says whether a token is good no more; it
// throws if nobody can say.
export function statusLists({ issuer, keys }) {
  const lists = new Map(); // by address

  async function read(uri) {
    const answer = await fetch(uri, {
      headers: { accept: 'application/statuslist+jwt' },
      redirect: 'error', // whoever can make the issuer redirect must not choose the list
      signal: AbortSignal.timeout(5_000),
    });
    if (answer.status !== 200) throw new Error(`the status list is answered with ${answer.status}`);
    const { payload } = await jwtVerify(await answer.text(), keys, {
      subject: uri, // or any other list would do
      algorithms: ['RS256'],
      typ: 'statuslist+jwt',
      requiredClaims: ['exp', 'iat', 'status_list'],
      clockTolerance: skew,
    });
    const { bits, lst } = payload.status_list;
    if (![1, 2, 4, 8].includes(bits)) throw new Error('the status list cannot be read');
    const bytes = inflateSync(Buffer.from(lst, 'base64url'), { maxOutputLength: most });
    const ttl = Number(payload.ttl ?? 60);
    if (!(ttl >= 0)) throw new Error('the status list cannot be read');
    const late = Math.min(Date.now() / 1_000 - payload.iat, skew); // as far as our clock may be ahead, or it is behind
    return { bits, bytes, fresh: Date.now() + ttl * 1_000, end: (payload.exp + late) * 1_000 };
  }

  // renewed is the list at this address, read by one request for all that wait. An older one is good to its end while the
  // issuer is away.
  async function renewed(uri) {
    const kept = lists.get(uri) ?? { end: 0, fresh: 0, again: 0 };
    lists.set(uri, kept);
    if (Date.now() >= kept.fresh && Date.now() >= (kept.again ?? 0)) {
      kept.reading ??= read(uri)
        .then((list) => Object.assign(kept, list))
        .catch((err) => Object.assign(kept, { again: Date.now() + between, trouble: err }))
        .finally(() => delete kept.reading);
      await kept.reading;
    }
    if (Date.now() >= kept.end) throw kept.trouble ?? new Error('the status list has ended');
    return kept;
  }

  return async ({ status }) => {
    if (status === undefined) return false; // it cannot be taken back
    const { idx, uri } = status?.status_list ?? {};
    // What is not understood may say that it was. Nothing is fetched from elsewhere, whatever the token says.
    if (!Number.isSafeInteger(idx) || idx < 0 || !URL.canParse(uri) || new URL(uri).origin !== new URL(issuer).origin) return true;
    const { bits, bytes } = await renewed(uri);
    const place = idx * bits;
    if (place >= bytes.length * 8) throw new Error('the status list does not reach as far as the token says');
    return ((bytes[Math.floor(place / 8)] >> place % 8) & ((1 << bits) - 1)) !== 0;
  };
}
