"""A stand-in for an OpenID Connect provider, on loopback: discovery, authorization, token, keys.

It does what OpenID Connect Core 1.0 and RFC 7636 ask of one, and, where a test wants it, one thing wrong.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENT, SECRET = "haidang", "hüsch & hush"
KEY, ANOTHER_KEY = (RSAKey.generate_key(2048, {"kid": "k1", "use": "sig"}) for _ in range(2))


class Provider:
    """`claims`: who logs in next; `wrong`: changes the token's claims; `sign`: makes the token of header and claims."""

    def __init__(self, port: int) -> None:
        self.issuer = f"http://127.0.0.1:{port}"
        self.claims: dict[str, Any] = {"sub": "s-1", "email": "lan@hcm.edu.vn", "email_verified": True}
        self.wrong: Callable[[dict[str, Any]], None] = lambda _: None
        self.sign: Callable[[dict[str, Any]], str] = lambda claims: jwt.encode(
            {"alg": "RS256", "kid": "k1"}, claims, KEY
        )
        self.discovery: dict[str, Any] = {}
        self.authenticated: list[str] = []
        self._codes: dict[str, dict[str, str]] = {}

    def document(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
        } | self.discovery

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to, with a code for one use."""
        if asked["client_id"] != CLIENT or asked["response_type"] != "code" or asked["code_challenge_method"] != "S256":
            raise ValueError(asked)
        code = secrets.token_urlsafe()
        self._codes[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        asked = self._codes.pop(form.get("code", ""), None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode()
        if asked is None or challenge.rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        if form["redirect_uri"] != asked["redirect_uri"] or not self._is_client(form, authorization):
            return 401, {"error": "invalid_client"}
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": CLIENT,
            "iat": now,
            "exp": now + 300,
            "nonce": asked["nonce"],
        } | self.claims
        self.wrong(claims)
        return 200, {"access_token": "at", "token_type": "Bearer", "id_token": self.sign(claims)}

    def _is_client(self, form: dict[str, str], authorization: str) -> bool:
        if authorization:
            self.authenticated.append("basic")
            user, _, password = base64.b64decode(authorization.removeprefix("Basic ")).decode().partition(":")
            given = dict(parse_qsl(f"id={user}&secret={password}"))
            return given == {"id": CLIENT, "secret": SECRET}
        self.authenticated.append("post" if "client_secret" in form else "none")
        return form["client_id"] == CLIENT and form.get("client_secret", SECRET) == SECRET


@contextmanager
def providing() -> Iterator[Provider]:
    """One that listens."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                self.end_headers()
                return
            pages = {
                "/.well-known/openid-configuration": provider.document(),
                "/keys": {"keys": [KEY.as_dict(private=False)]},
            }
            self._answer(200 if parts.path in pages else 404, pages.get(parts.path, {}))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self._answer(*provider.token(form, self.headers.get("Authorization", "")))

        def _answer(self, status: int, content: dict[str, Any]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing: tests are silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = Provider(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
