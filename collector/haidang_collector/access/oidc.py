"""Logging in at an OpenID Connect provider: authorization code with PKCE (OpenID Connect Core 1.0, RFC 7636).

Authlib does the protocol; what is fetched is bounded here. Nothing is kept between the two steps but what the
browser brings back in a cookie of its own.
"""

from __future__ import annotations

import hmac
import json
import secrets
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

import httpx

from haidang_collector.access.tables import SUBJECT_LENGTH
from haidang_collector.settings import is_sound_url

if TYPE_CHECKING:
    from haidang_collector.settings import Settings

SCOPE = "openid email profile"
CALLBACK = "/login/oidc/callback"
ALGORITHMS = ("RS256", "PS256", "ES256", "EdDSA")
"""Only with keys whose other half the provider alone has."""
TIMEOUT_SECONDS = 10.0
MOST_BYTES = 1 << 20
LEEWAY_SECONDS = 60
DISCOVERY_SECONDS = 300.0
SECRET_BYTES = 32


class OidcError(Exception):
    """No login came of it; the text is for the log, and holds nothing secret."""


class ProviderAwayError(OidcError):
    """The provider does not answer, or not as one."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One login under way: what its second step is held against. `next`: the page that was wanted."""

    state: str
    nonce: str
    verifier: str
    next: str

    def cookie(self) -> str:
        return quote_plus(json.dumps(asdict(self)))


class Provider:
    """The provider that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self._issuer = settings.oidc_issuer
        self._id = settings.oidc_client_id
        self._secret = settings.oidc_secret()
        self._redirect = settings.public_url.rstrip("/") + CALLBACK
        self._client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        self._found: tuple[float, dict[str, Any]] | None = None

    async def start(self, wanted: str) -> tuple[str, Flow]:
        """Where to send the browser, and what to hold its return against. Raises ProviderAwayError."""
        from authlib.oauth2.rfc6749.parameters import prepare_grant_uri  # noqa: PLC0415 - few collectors need it
        from authlib.oauth2.rfc7636 import create_s256_code_challenge  # noqa: PLC0415

        state, nonce, verifier = (secrets.token_urlsafe(SECRET_BYTES) for _ in range(3))
        url = prepare_grant_uri(
            (await self._discovery())["authorization_endpoint"],
            client_id=self._id,
            response_type="code",
            redirect_uri=self._redirect,
            scope=SCOPE,
            state=state,
            nonce=nonce,
            code_challenge=create_s256_code_challenge(verifier),
            code_challenge_method="S256",
        )
        return url, Flow(state, nonce, verifier, wanted)

    async def finish(self, flow: Flow, state: str, code: str) -> dict[str, Any]:
        """Who came back with `state` and `code`, as the ID token tells. Raises OidcError."""
        if not hmac.compare_digest(flow.state.encode(), state.encode()):
            raise OidcError("state: not the one that this browser was sent away with")
        found = await self._discovery()
        answer = await self._token(found, code, flow.verifier)
        token = answer.get("id_token")
        if not isinstance(token, str):
            raise OidcError("the provider sent no ID token")
        keys = await self._json("GET", found["jwks_uri"])
        return self._claims(token, keys, flow.nonce, answer.get("access_token"))

    async def close(self) -> None:
        await self._client.aclose()

    def _claims(self, token: str, keys: dict[str, Any], nonce: str, access_token: object) -> dict[str, Any]:
        from authlib.oidc.core import CodeIDToken  # noqa: PLC0415 - as above
        from joserfc import jwt  # noqa: PLC0415
        from joserfc.errors import JoseError  # noqa: PLC0415
        from joserfc.jwk import KeySet  # noqa: PLC0415

        options = {
            "iss": {"essential": True, "value": self._issuer},
            "aud": {"essential": True, "value": self._id},
            "sub": {"essential": True},
        }
        params = {"nonce": nonce, "client_id": self._id, "access_token": access_token}
        try:
            read = jwt.decode(token, KeySet.import_key_set(keys), algorithms=list(ALGORITHMS))  # type: ignore[arg-type]  # checked there
            claims = CodeIDToken(read.claims, read.header, options, params)
            claims.validate(leeway=LEEWAY_SECONDS)
        except (JoseError, ValueError, TypeError, KeyError) as wrong:
            raise OidcError(f"ID token: {type(wrong).__name__}: {wrong}") from wrong
        if not (isinstance(claims["sub"], str) and 0 < len(claims["sub"]) <= SUBJECT_LENGTH):
            raise OidcError("ID token: sub is no text of 1 to 255 characters")
        return dict(claims)

    async def _token(self, found: dict[str, Any], code: str, verifier: str) -> dict[str, Any]:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self._redirect,
            "code_verifier": verifier,
        }
        if not self._secret:
            return await self._json("POST", found["token_endpoint"], data=form | {"client_id": self._id})
        if "client_secret_basic" in found.get("token_endpoint_auth_methods_supported", ["client_secret_basic"]):
            basic = httpx.BasicAuth(quote_plus(self._id), quote_plus(self._secret))
            return await self._json("POST", found["token_endpoint"], data=form, auth=basic)
        secret = {"client_id": self._id, "client_secret": self._secret}
        return await self._json("POST", found["token_endpoint"], data=form | secret)

    async def _discovery(self) -> dict[str, Any]:
        if self._found is not None and self._found[0] > time.monotonic():
            return self._found[1]
        found = await self._json("GET", self._issuer.rstrip("/") + "/.well-known/openid-configuration")
        if found.get("issuer") != self._issuer:
            raise ProviderAwayError(f"the provider says that it is {found.get('issuer')!r}, not {self._issuer!r}")
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            if not (isinstance(found.get(name), str) and is_sound_url(found[name])):
                raise ProviderAwayError(f"the provider's {name} is {found.get(name)!r}, which is no https address")
        self._found = (time.monotonic() + DISCOVERY_SECONDS, found)
        return found

    async def _json(self, method: str, url: str, **sent: Any) -> dict[str, Any]:
        received = bytearray()
        try:
            async with self._client.stream(method, url, headers={"Accept": "application/json"}, **sent) as answer:
                async for chunk in answer.aiter_bytes():
                    received += chunk
                    if len(received) > MOST_BYTES:
                        raise ProviderAwayError(f"{url}: more than {MOST_BYTES} bytes")
            read = json.loads(received)
        except (httpx.HTTPError, ValueError) as failed:
            raise ProviderAwayError(f"{url}: {type(failed).__name__}") from failed
        if answer.status_code != httpx.codes.OK or not isinstance(read, dict):
            error = read.get("error") if isinstance(read, dict) else None
            raise OidcError(f"{url}: status {answer.status_code}, error {error!r}")
        return read
