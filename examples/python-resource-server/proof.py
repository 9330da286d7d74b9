"""Whether the one who shows a token holds the key that it is bound to (DPoP, RFC 9449 section 4.3)."""

import base64
import collections
import hashlib
import json
import threading
import time
import urllib.parse

import jwt

ALGORITHMS = ("ES256", "EdDSA", "RS256", "PS256")
AGE = 60  # seconds for which a proof is good
SKEW = 5  # seconds that two honest clocks may differ
MOST = 100_000  # proofs that are remembered at once
MOST_PROOF = 8 * 1024

# What makes up the thumbprint of a key (RFC 7638), by its kind, in order.
MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}


class Full(Exception):
    """A proof cannot be remembered, so nobody can say later whether it was shown."""


class Proofs:
    """Judges proofs for requests to a URL, under which clients find the API. It is never read from a request: a proof that was
    made for another server must not be good here."""

    def __init__(self, url):
        self._url = url.rstrip("/")
        self._shown, self._lock = collections.OrderedDict(), threading.Lock()

    def good(self, headers, method, path, token, thumbprint):
        """Says whether the one DPoP header proves the key of this thumbprint, for this request and token. Raises Full."""
        if len(headers) != 1 or len(headers[0]) > MOST_PROOF:
            return False
        try:
            proof, key = _read(headers[0])
            fits = (
                abs(time.time() - proof["iat"]) <= AGE + SKEW
                and proof["htm"] == method
                and _place(proof["htu"]) == _place(self._url + path)
                and proof["ath"] == _hash(token)
                and _thumbprint(key) == thumbprint
            )
            name = _hash(thumbprint + "." + proof["jti"])
        except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError):
            return False
        return fits and self._first(name)  # last, so that only good ones are remembered

    def _first(self, name):
        now = time.monotonic()
        with self._lock:
            while self._shown and next(iter(self._shown.values())) <= now:
                self._shown.popitem(last=False)
            if name in self._shown:
                return False
            if len(self._shown) >= MOST:
                raise Full
            self._shown[name] = now + 2 * (AGE + SKEW)
            return True


def _read(text):
    """Checks that the key which a proof brings along has signed it."""
    header = jwt.get_unverified_header(text)
    key = header["jwk"]
    public = {name: key[name] for name in MEMBERS[key["kty"]]}
    if header.get("typ") != "dpop+jwt" or "crit" in header or "d" in key or "k" in key:
        raise jwt.InvalidTokenError("it is no proof")
    known = jwt.PyJWK(public, algorithm=header["alg"]).key
    claims = jwt.decode(
        text, known, algorithms=list(ALGORITHMS), leeway=SKEW,
        options={"require": ["jti", "htm", "htu", "iat", "ath"], "verify_aud": False},
    )
    return claims, public


def _thumbprint(key):
    return _hash(json.dumps({name: key[name] for name in MEMBERS[key["kty"]]}, separators=(",", ":")))


def _hash(text):
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def _place(url):
    parts = urllib.parse.urlsplit(url)
    port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, parts.hostname, port, parts.path or "/"
