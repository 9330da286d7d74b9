"""What an API must know about an access token of Handclasp (RFC 9068), and how it refuses one (RFC 6750 section 3)."""

import collections
import http.client
import json
import threading
import time
import urllib.request

import jwt

from proof import ALGORITHMS, Full, Proofs
from status_list import Away, StatusLists

MOST_TOKEN = 8 * 1024
MOST_KEYS = 1024 * 1024
FRESH = 600  # seconds for which keys are kept
BETWEEN = 10  # seconds between two fetches, whoever asks for them
SKEW = 5  # seconds that two honest clocks may differ


# A request, as a proof speaks of it: its method, its target as it stands in the request line, and its DPoP headers.
Request = collections.namedtuple("Request", "method path proofs")


class Refusal(Exception):
    """Why a request is not let in; error is None where nothing was wrong and nothing was there (RFC 6750 section 3.1)."""

    def __init__(self, status, error=None, scheme="Bearer", **params):
        super().__init__(error)
        self.status, self.error, self.scheme, self.params = status, error, scheme, params

    def challenges(self):
        """At 401 both ways are offered, and the one that was tried hears what was wrong."""
        said = {**({"error": self.error} if self.error else {}), **self.params}
        for scheme in ("Bearer", "DPoP"):
            if scheme == self.scheme or self.status == 401:
                params = {**(said if scheme == self.scheme else {}), **({"algs": " ".join(ALGORITHMS)} if scheme == "DPoP" else {})}
                yield (scheme + " " + ", ".join(f'{name}="{value}"' for name, value in params.items())).strip()


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Whoever can make the issuer redirect must not choose the keys."""

    def redirect_request(self, *_):
        return None


class Keys:
    """The issuer's keys, by name. An unknown name makes one fetch, at most every BETWEEN seconds."""

    def __init__(self, issuer, open_url):
        self._url = issuer + "/oauth/jwks"
        self._open = open_url
        self._lock = threading.Lock()
        self._known = ({}, None)  # the keys and when they were read, replaced as one
        self._tried = None

    def get(self, kid):
        """Returns a key, or None if the issuer has none of this name."""
        key, _ = self._look(kid)
        if key is not None:
            return key
        with self._lock:  # those who wait find what the first one has fetched
            key, fresh = self._look(kid)
            if key is None and (self._tried is None or time.monotonic() >= self._tried + BETWEEN):
                self._tried = time.monotonic()
                self._known = (self._fetch(), time.monotonic())
                key, fresh = self._look(kid)
        if not fresh:
            raise Refusal(503, "temporarily_unavailable")
        return key

    def _look(self, kid):
        keys, read = self._known
        fresh = read is not None and time.monotonic() < read + FRESH
        return (keys.get(kid) if fresh else None), fresh

    def _fetch(self):
        try:
            with self._open(self._url, timeout=5) as answer:
                found = json.loads(answer.read(MOST_KEYS))["keys"]
            return {key["kid"]: jwt.PyJWK(key, algorithm="RS256").key for key in found if usable(key)}
        except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError, jwt.PyJWTError) as err:
            raise Refusal(503, "temporarily_unavailable") from err


def usable(key):
    """Other keys are passed over (RFC 7517 section 5)."""
    return key.get("kty") == "RSA" and key.get("use") == "sig" and key.get("alg") == "RS256" and "kid" in key


class Verifier:
    """Judges the Authorization headers of requests. Clients find the API at url."""

    def __init__(self, issuer, audience, url):
        open_url = urllib.request.build_opener(_NoRedirects).open
        self._issuer, self._audience, self._keys = issuer, audience, Keys(issuer, open_url)
        self._lists = StatusLists(issuer, self._keys, open_url)
        self._proofs = Proofs(url)

    def check(self, authorization, request, *scopes):
        """Returns the claims of a good token that has all of these scopes, or raises Refusal."""
        scheme, _, text = (authorization or "").partition(" ")
        scheme, text = {"bearer": "Bearer", "dpop": "DPoP"}.get(scheme.lower()), text.strip(" ")
        if not scheme or not text:
            raise Refusal(401)
        if len(text) > MOST_TOKEN:
            raise Refusal(401, "invalid_token", scheme)
        try:
            claims = self._read(text)
            # One that is bound to a key (cnf) is shown with a proof, and never as a bearer token (RFC 9449 section 7.1).
            if (scheme == "DPoP") != ("cnf" in claims):
                raise Refusal(401, "invalid_token", scheme)
            if scheme == "DPoP" and not self._proves(request, text, claims["cnf"]):
                raise Refusal(401, "invalid_dpop_proof", scheme)
            if self._lists.took_back(claims):
                raise Refusal(401, "invalid_token", scheme)
        except jwt.PyJWTError as err:
            raise Refusal(401, "invalid_token", scheme) from err
        except (Away, Full) as err:
            raise Refusal(503, "temporarily_unavailable") from err
        held = str(claims.get("scope", "")).split()
        if not all(name in held for name in scopes):
            raise Refusal(403, "insufficient_scope", scheme, scope=" ".join(scopes))
        return claims

    def _proves(self, request, text, confirmation):
        thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) else None
        return isinstance(thumbprint, str) and self._proofs.good(request.proofs, request.method, request.path, text, thumbprint)

    def _read(self, text):
        header = jwt.get_unverified_header(text)
        # Without the type an ID token would do; no extension is understood, so none may be critical (RFC 7515 4.1.11).
        if str(header.get("typ")).lower() not in ("at+jwt", "application/at+jwt") or "crit" in header or "b64" in header:
            raise jwt.InvalidTokenError("it is no access token")
        key = self._keys.get(header.get("kid"))
        if key is None:
            raise jwt.InvalidTokenError("it was not signed by a key of the issuer")
        claims = jwt.decode(
            text,
            key,
            algorithms=["RS256"],  # the token does not get to choose
            issuer=self._issuer,
            audience=self._audience,
            leeway=SKEW,
            options={"require": ["exp", "iat", "iss", "aud", "sub", "jti", "client_id"]},
        )
        # PyJWT takes any of several audiences; a token of Handclasp has one.
        if claims["aud"] != self._audience:
            raise jwt.InvalidTokenError("it is not good here")
        return claims
