"""One throughput test of one line: the download and, where there is a server for it, the upload."""

from __future__ import annotations

import http.client
import ssl
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from haidang_agent.platform.transfer import CAN_UPLOAD, Download, Server, UnfitServerError, Upload
from haidang_agent.probe import ProbeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from haidang_agent.platform.transfer import Limits, Transfer
    from haidang_agent.probe import Reason


class Direction(NamedTuple):
    """`name` is `receive` or `transmit`."""

    name: str
    kind: type[Transfer]
    server: Server


@dataclass
class Result:
    """Bytes per second and bytes moved, by direction; `failed`: reason and text of the last that failed."""

    rates: dict[str, float] = field(default_factory=dict)
    moved: dict[str, int] = field(default_factory=dict)
    failed: tuple[Reason, str] | None = None


class LineTest:
    """`device` empty: the default path. `run` in one thread, `end` from any."""

    def __init__(self, directions: Sequence[Direction], device: str, limits: Limits) -> None:
        self._transfers = [(each, each.kind(each.server, device, limits)) for each in directions]
        self._device = device
        self.ended = threading.Event()

    def run(self) -> Result:
        """One direction after the other; one that fails does not keep the other from being measured."""
        result = Result()
        for (name, _, server), transfer in self._transfers:
            if self.ended.is_set():
                return result
            try:
                result.rates[name] = transfer.run()
            except (OSError, http.client.HTTPException, UnfitServerError) as why:
                result.failed = (_reason(why), f"{name} {self._explain(why, server)}")
            result.moved[name] = transfer.moved()
        return result

    def end(self) -> None:
        """Stop now; what was measured until then says nothing."""
        self.ended.set()
        for _, transfer in self._transfers:
            transfer.end()

    def _explain(self, why: Exception, server: Server) -> str:
        way = f"with {server.host}:{server.port}{f' by {self._device}' if self._device else ''}"
        if isinstance(why, ssl.SSLCertVerificationError):
            return (
                f"{way}: its certificate is not trusted ({why.verify_message}); "
                "set [probes.throughput] ca to the file of the department's CA, and look at this machine's clock"
            )
        return f"{way}: {str(why) or type(why).__name__}"


def directions(url: str, upload_url: str, ca: str) -> list[Direction]:
    """Raises ProbeError with the key and the fix."""
    if upload_url and not CAN_UPLOAD:
        raise ProbeError(
            "unsupported", "[probes.throughput] upload_url: only Linux tells what has arrived; leave it out"
        )
    found = []
    for name, kind, key, text in (("receive", Download, "url", url), ("transmit", Upload, "upload_url", upload_url)):
        if not text:
            continue
        try:
            found.append(Direction(name, kind, _server(text, ca)))
        except ValueError as wrong:
            raise ProbeError("misconfigured", f"[probes.throughput] {key}: {wrong}") from wrong
        except OSError as unusable:
            raise ProbeError(
                "misconfigured", f"[probes.throughput] ca: {ca} holds no certificates in PEM ({unusable})"
            ) from unusable
    return found


def _reason(why: Exception) -> Reason:
    if isinstance(why, TimeoutError):
        return "timeout"
    return "denied" if isinstance(why, PermissionError) else "unreadable"


def _server(url: str, ca: str) -> Server:
    """Raises ValueError with the fix, OSError where `ca` is no use."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as wrong:
        raise ValueError(f"is no address ({wrong}); write https://host/path") from None
    if parts.username is not None:
        raise ValueError("holds a user name; let the server know the schools by their addresses instead")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url!r} is no address; write https://host/path")
    context = ssl.create_default_context(cafile=ca or None) if parts.scheme == "https" else None
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Server(parts.hostname, port or (80 if context is None else 443), path, context)
