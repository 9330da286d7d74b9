"""An API that takes the access tokens of a Handclasp server.

    ISSUER=https://login.example.test AUDIENCE=https://api.example.test LISTEN=127.0.0.1:8083 python3 server.py

URL is where clients find it, for those that prove a key of theirs; the audience's if it is not set.
"""

import http.server
import json
import os
import signal
import sys

from token_check import Refusal, Request, Verifier

# The scopes that a route needs.
ROUTES = {("GET", "/me"): (), ("POST", "/deploy"): ("deploy:write",)}


class Handler(http.server.BaseHTTPRequestHandler):
    verifier = None
    timeout = 10  # seconds for a client to say what it wants

    def route(self):
        scopes = ROUTES.get((self.command, self.path.partition("?")[0]))
        if scopes is None:
            self.answer(404, {"error": "not_found"})
            return
        shown = self.headers.get_all("Authorization") or [None]
        try:
            if len(shown) > 1:
                raise Refusal(400, "invalid_request")
            proofs = self.headers.get_all("DPoP") or []
            claims = self.verifier.check(shown[0], Request(self.command, self.path, proofs), *scopes)
        except Refusal as refusal:
            self.refuse(refusal)
            return
        # Who is asking. A real API would do something for them.
        self.answer(200, {"subject": claims["sub"], "client": claims["client_id"]})

    do_GET = do_POST = route

    def refuse(self, refusal):
        headers = [("WWW-Authenticate", challenge) for challenge in refusal.challenges()]
        if refusal.status == 503:
            headers = [("Retry-After", "10")]
        self.answer(refusal.status, {"error": refusal.error or "invalid_token"}, headers)

    def answer(self, status, body, headers=()):
        text = json.dumps(body).encode()
        self.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("Cache-Control", "no-store"), *headers]:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_):
        pass  # the request line may hold what is none of the log's business


def main():
    issuer, audience = os.environ.get("ISSUER"), os.environ.get("AUDIENCE")
    if not issuer or not audience:
        sys.exit("python-resource-server: set ISSUER and AUDIENCE")
    host, _, port = os.environ.get("LISTEN", "127.0.0.1:8083").rpartition(":")
    Handler.verifier = Verifier(issuer, audience, os.environ.get("URL") or audience)
    server = http.server.ThreadingHTTPServer((host, int(port)), Handler)
    print(f"listening on http://{host}:{server.server_port}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
