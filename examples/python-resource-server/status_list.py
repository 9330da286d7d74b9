"""Whether a token was taken back before its time: the issuer's list says so (draft-ietf-oauth-status-list)."""

import base64
import http.client
import threading
import time
import urllib.parse
import zlib

import jwt

MOST_TOKEN = 1024 * 1024
MOST_BYTES = 1024 * 1024  # of a list, unpacked
BETWEEN = 2  # seconds from a try that failed to the next
SKEW = 5  # seconds that two honest clocks may differ


class Away(Exception):
    """Nobody can say whether the token is good."""


class _List:
    """A list and how long it holds; as it is before it was ever read."""

    bits, packed, fresh, end, again = 1, b"", 0.0, 0.0, 0.0

    def __init__(self):
        self.lock = threading.Lock()


class StatusLists:
    """The lists of one issuer, signed by one of its keys: keys.get finds one by name, and open fetches without redirects."""

    def __init__(self, issuer, keys, open_url):
        self._origin, self._keys, self._open = _origin(issuer), keys, open_url
        self._lists, self._lock = {}, threading.Lock()

    def took_back(self, claims):
        """Says whether the token is good no more; raises Away if nobody can say."""
        if "status" not in claims:
            return False  # it cannot be taken back
        try:
            place = claims["status"]["status_list"]
            index, uri = place["idx"], place["uri"]
            known = type(index) is int and index >= 0 and _origin(uri) == self._origin
        except (KeyError, TypeError, ValueError, AttributeError):
            known = False
        if not known:  # what is not understood may say that it was; nothing is fetched from elsewhere
            return True
        bits, packed = self._renewed(uri)
        at = index * bits
        if at >= len(packed) * 8:
            raise Away("the status list does not reach as far as the token says")
        return (packed[at // 8] >> at % 8) & ((1 << bits) - 1) != 0

    def _renewed(self, uri):
        with self._lock:
            kept = self._lists.setdefault(uri, _List())
        with kept.lock:  # those who wait find what the first one has read
            now = time.time()
            if now >= kept.fresh and now >= kept.again:
                try:
                    kept.bits, kept.packed, kept.fresh, kept.end = self._read(uri)
                except Away:
                    kept.again = now + BETWEEN  # an older one is good to its end while the issuer is away
            if time.time() >= kept.end:
                raise Away("the status list has ended, and no newer one can be had")
            return kept.bits, kept.packed

    def _read(self, uri):
        try:
            with self._open(uri, timeout=5) as answer:
                text = answer.read(MOST_TOKEN).decode("ascii")
            header = jwt.get_unverified_header(text)
            key = self._keys.get(header.get("kid"))
            if header.get("typ") != "statuslist+jwt" or "crit" in header or key is None:
                raise Away("the status list was not signed by the issuer")
            claims = jwt.decode(text, key, algorithms=["RS256"], leeway=SKEW, options={"require": ["exp", "iat", "sub"]})
            bits, packed = claims["status_list"]["bits"], claims["status_list"]["lst"]
            unpacker = zlib.decompressobj()
            unpacked = unpacker.decompress(base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)), MOST_BYTES)
            ttl = float(claims.get("ttl", 60))
            if claims["sub"] != uri or bits not in (1, 2, 4, 8) or not unpacker.eof or not ttl >= 0:
                raise Away("the status list cannot be read, or belongs to another address")
            late = min(time.time() - float(claims["iat"]), SKEW)  # as far as our clock may be ahead, or it is behind
            return bits, unpacked, time.time() + ttl, float(claims["exp"]) + late
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, zlib.error, jwt.PyJWTError) as err:
            raise Away("the status list cannot be had") from err


def _origin(url):
    parts = urllib.parse.urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
