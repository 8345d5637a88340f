"""The HTTP client to the collector: one kept-alive connection, certificate checked, every answer bounded.

`http.client` and not a heavier library: an agent is a guest on an old PC (docs/decisions/0002).
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import re
import socket
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from haidang_agent.clock import monotonic
from haidang_agent.relay.tunnel import check_relay, place, through
from haidang_agent.trust import AuthoritiesError, check_days, context_for

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from haidang_agent.tables import Server

    Learn = Callable[[float, float, float], None]

TIMEOUT_SECONDS = 15.0
MAX_ANSWER_BYTES = 1 << 20
CLOSED = (ConnectionResetError, ConnectionAbortedError, BrokenPipeError, ssl.SSLEOFError, ssl.SSLZeroReturnError)
"""The other side ended the connection: on a kept one that means it had been idle for too long."""
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
PORTS = {"http": 80, "https": 443}
UNIX_SECONDS = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")
PIN = re.compile("(?i)sha256:[0-9a-f]{2}(:?[0-9a-f]{2}){31}")
"""As `openssl x509 -fingerprint -sha256` tells it, with or without its colons."""
WRONG_DAY = (9, 10)
"""X509_V_ERR_CERT_NOT_YET_VALID and _HAS_EXPIRED (OpenSSL, x509_vfy.h): most often it is the clock here."""
BAD_REQUEST = 400
CERTIFICATE_WANTED = re.compile(rb"No required SSL certificate was sent|The SSL certificate error")
"""What nginx says, with a 400, to who shows no certificate or one that it does not take."""
CERTIFICATE_WANTED_ALERT = re.compile("ALERT_(CERTIFICATE_REQUIRED|UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE_EXPIRED)")
"""What others say of ours, by an alert (RFC 8446, 6.2)."""
WRITE_HEADERS = {
    "Content-Encoding": "snappy",
    "Content-Type": "application/x-protobuf",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
}
"""Remote write 1.0, "Protocol"."""


class UnreachableError(OSError):
    """No answer: the text says how far it came and what to look at."""


class WantsCertificateError(UnreachableError):
    """A proxy before the collector asks for a client certificate, and there is none, or none that it takes."""


class UnknownPinError(UnreachableError):
    """The certificate is none of those that were pinned: the cause of an UnreachableError then."""


class Answer(NamedTuple):
    """What the collector said. `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body for a person: one line, shortened, without what a terminal would obey."""
        said = self.body[:500].decode(errors="replace")
        return " ".join("".join(sign if sign.isprintable() else " " for sign in said).split())


def check_url(url: str) -> str:
    """The collector's address without a trailing slash. Raises ValueError that says what is wrong and the fix."""
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError as wrong:
        raise ValueError(f"{url!r} is no address ({wrong}); write https://host:port") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address; write https://host:port")
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        raise ValueError(f"{url!r} would send keys in clear text; write https:// (http:// is for this machine only)")
    if parts.path.strip("/") or parts.query:
        raise ValueError(f"{url!r} has a path; write only https://host:port")
    return url.rstrip("/")


def check_way(url: str, relay: str) -> str:
    """The relay's address, empty for none. Raises ValueError, also where the relay would see keys in clear text."""
    if not relay:
        return ""
    relay = check_relay(relay)
    if urlsplit(url).scheme == "http" and place(relay)[0] not in LOOPBACK:
        raise ValueError(f"{relay!r} would see keys in clear text; write [server] url with https://")
    return relay


class _Connection(http.client.HTTPConnection):
    """`dial` opens it whenever that is needed: at first, and after the collector has closed it."""

    def __init__(self, host: str, port: int, default_port: int, dial: Callable[[], socket.socket]) -> None:
        super().__init__(host, port, timeout=TIMEOUT_SECONDS)
        self.default_port = default_port
        self._dial = dial

    def connect(self) -> None:
        self.sock = self._dial()


class Centre:
    """For one thread. `credentials` is `agent id.key`; `learn` hears of every answer that carries the centre's time.

    With `pins`, to no other certificates than these a word is said. `relay` is the address of the one to go through.
    """

    def __init__(
        self,
        url: str,
        ca: Path | None = None,
        credentials: str | None = None,
        learn: Learn | None = None,
        pins: Sequence[str] = (),
        relay: str = "",
        shown: tuple[str, str] = ("", ""),
    ) -> None:
        """`shown` are the files of a client certificate and of its key. Raises ValueError."""
        self._shown = shown
        self._relay = check_way(url, relay)
        self._pins = {pin.lower().removeprefix("sha256:").replace(":", "") for pin in pins}
        self._parts = urlsplit(check_url(url))
        self._ca = ca
        self._authorization: dict[str, str] = {}
        if credentials is not None:
            self.use(credentials)
        self._learn = learn
        self._connection: http.client.HTTPConnection | None = None

    @classmethod
    def of(cls, server: Server, credentials: str | None = None, learn: Learn | None = None) -> Centre:
        """As [server] says."""
        ca = Path(server.ca) if server.ca else None
        return cls(server.url, ca, credentials, learn, server.pins, server.relay, server.shown)

    def write(self, body: bytes, *, goodbye: bool = False) -> Answer:
        """Push one remote write request. Raises UnreachableError."""
        headers = WRITE_HEADERS | ({"Haidang-Goodbye": "1"} if goodbye else {})
        return self._ask("POST", "/api/v1/write", body, headers)

    def use(self, credentials: str) -> None:
        """From now on."""
        self._authorization = {"Authorization": f"Bearer {credentials}"}

    def uses(self, credentials: str) -> bool:
        return hmac.compare_digest(
            self._authorization.get("Authorization", "").encode(), f"Bearer {credentials}".encode()
        )

    def config(self, etag: str | None, about: Mapping[str, str] | None = None) -> Answer:
        """The configuration of this agent; 304 where it is still the one of `etag`. Raises UnreachableError.

        `about` are headers that say how the agent fares.
        """
        known = {} if etag is None else {"If-None-Match": etag}
        return self._ask("GET", "/api/v1/agent/config", None, {**known, **(about or {})})

    def new_key(self, key: str) -> Answer:
        """Tell the key that this agent will use from now on. Raises UnreachableError."""
        body = json.dumps({"key": key}).encode()
        return self._ask("POST", "/api/v1/agent/key", body, {"Content-Type": "application/json"})

    def enrol(self, request: Mapping[str, Any]) -> Answer:
        """Ask for an identity. Raises UnreachableError."""
        return self._ask("POST", "/api/v1/enrol", json.dumps(request).encode(), {"Content-Type": "application/json"})

    def ask_doctor(self) -> Answer:
        """What the centre tells an agent that examines itself: `{"version"}`. Raises UnreachableError."""
        return self._ask("GET", "/api/v1/agent/doctor", None, {})

    def tell_doctor(self, report: Mapping[str, Any]) -> Answer:
        """Leave what the doctor found, 204 when it is kept. Raises UnreachableError."""
        body = json.dumps(report).encode()
        return self._ask("POST", "/api/v1/agent/doctor", body, {"Content-Type": "application/json"})

    def hand_over(self, frame: bytes) -> Answer:
        """Give what a relay kept for another agent of the unit. Raises UnreachableError."""
        return self._ask("POST", "/api/v1/relay", frame, {"Content-Type": "application/octet-stream"})

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _ask(self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]) -> Answer:
        kept = self._connection is not None
        try:
            answer, sent, received = self._exchange(method, path, body, headers)
        except CLOSED:
            self.close()
            if not kept:
                raise UnreachableError(f"{self._where}: the connection was closed without an answer") from None
        except (OSError, http.client.HTTPException, UnicodeError) as failed:
            self.close()
            if isinstance(failed, ssl.SSLError) and CERTIFICATE_WANTED_ALERT.search(failed.reason or ""):
                raise WantsCertificateError(self._wanting()) from failed
            raise UnreachableError(self._explain(failed)) from failed
        else:
            if answer.status == BAD_REQUEST and CERTIFICATE_WANTED.search(answer.body):
                raise WantsCertificateError(self._wanting())
            self._tell_time(answer, sent, received)
            return answer
        return self._ask(method, path, body, headers)

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: Mapping[str, str]
    ) -> tuple[Answer, float, float]:
        if self._connection is None:
            self._connection = self._connect()
        sent = monotonic()
        self._connection.request(method, path, body, {**headers, **self._authorization, "User-Agent": "haidang-agent"})
        response = self._connection.getresponse()
        received = monotonic()
        content = response.read(MAX_ANSWER_BYTES)
        if response.length and len(content) < MAX_ANSWER_BYTES:
            raise http.client.IncompleteRead(content, response.length)
        if not response.isclosed():
            self.close()
        answer = Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, content)
        return answer, sent, received

    def _tell_time(self, answer: Answer, sent: float, received: float) -> None:
        centre_time = answer.headers.get("haidang-time")
        if self._learn is None or centre_time is None:
            return
        if not UNIX_SECONDS.fullmatch(centre_time):
            raise UnreachableError(f"{self._where}: Haidang-Time {centre_time!r} is no time; is this a collector?")
        self._learn(float(centre_time), sent, received)

    def _connect(self) -> http.client.HTTPConnection:
        host, default = self._parts.hostname or "", PORTS[self._parts.scheme]
        return _Connection(host, self._parts.port or default, default, self._dial)

    def _dial(self) -> socket.socket:
        host, port = self._parts.hostname or "", self._parts.port or PORTS[self._parts.scheme]
        context = self._context() if self._parts.scheme == "https" else None
        if self._relay:
            plain = through(self._relay, host, port, TIMEOUT_SECONDS)
        else:
            plain = socket.create_connection((host, port), TIMEOUT_SECONDS)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return plain
        try:
            secured = context.wrap_socket(plain, server_hostname=host)
        except (OSError, ValueError):  # of the other side's TLS, or of a host that is no name for it
            plain.close()
            raise
        try:
            self._check_certificate(secured.getpeercert(binary_form=True) or b"")
        except OSError:
            secured.close()
            raise
        return secured

    def _context(self) -> ssl.SSLContext:
        try:
            return context_for(self._ca, self._shown)
        except AuthoritiesError as unusable:
            raise UnreachableError(f"[server] ca: {self._ca} holds no certificates in PEM ({unusable})") from unusable

    def _check_certificate(self, der: bytes) -> None:
        """Beyond what TLS has checked of it. Raises EndedError, UnknownPinError."""
        check_days(der)
        shown = hashlib.sha256(der).hexdigest()
        if self._pins and shown not in self._pins:
            raise UnknownPinError(
                f"its certificate is none of [server] pins: sha256:{shown}; if the collector has a new one, "
                "add it there, and leave the old one until no collector has it"
            )

    def _wanting(self) -> str:
        mend = "does not take that of [server] client_cert" if self._shown[0] else "[server] client_cert is not set"
        return f"{self._where}: the proxy before the collector asks for a client certificate, and {mend}"

    @property
    def _where(self) -> str:
        return self._parts.netloc

    def _explain(self, failed: Exception) -> str:
        if isinstance(failed, ssl.SSLCertVerificationError) and failed.verify_code in WRONG_DAY:
            return (
                f"{self._where}: its certificate does not hold on {time.strftime('%Y-%m-%d')}, which is today by this "
                f"machine's clock ({failed.verify_message}); set the clock, or the collector needs a new certificate"
            )
        if isinstance(failed, ssl.SSLCertVerificationError):
            return (
                f"{self._where}: its certificate is not trusted ({failed.verify_message}); "
                "set [server] ca to the file of the department's CA, and look at this machine's clock"
            )
        return f"{self._where}: {str(failed) or type(failed).__name__}"
