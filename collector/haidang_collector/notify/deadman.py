"""A dead man's switch: while Alertmanager's Watchdog comes, nothing happens; when it stays away, somebody gets a mail.

It knows neither registry, Prometheus nor Alertmanager, so it stands outside the centre: what it watches cannot take it
along.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import logging
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from anyio import to_thread
from fastapi import FastAPI, HTTPException, Request
from pydantic import ValidationError

from haidang_collector.i18n import translations
from haidang_collector.ingest.body import Body
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.notify.channels import Parcel, send
from haidang_collector.registry.incidents import Notification

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from haidang_collector.notify.settings import NotifySettings

WATCHDOG = "Watchdog"
BODY_BYTES, BODY_SECONDS = 1 << 20, 10.0
LOOK_SECONDS, AGAIN_SECONDS = 1.0, 10.0

log = logging.getLogger(__name__)


class Switch:
    """Held by `hold`. After `after_seconds` without, everybody in `to` is told, and told again once it is held anew.

    Who could not be told is tried every ten seconds. It begins held: what starts both gives Alertmanager that long.
    """

    def __init__(self, settings: NotifySettings, to: Sequence[str], after_seconds: float) -> None:
        self._settings = settings
        self._after = after_seconds
        self._held = time.monotonic()
        self._held_at = datetime.now(UTC)
        self._told = dict.fromkeys(to, False)
        self._not_before = 0.0

    def hold(self) -> None:
        self._held, self._held_at = time.monotonic(), datetime.now(UTC)

    @property
    def is_dead(self) -> bool:
        return time.monotonic() - self._held >= self._after

    def look(self) -> None:
        """Tell whom there is something new for; takes as long as the mail server does."""
        dead = self.is_dead
        if time.monotonic() < self._not_before:
            return
        for address in [address for address, told_dead in self._told.items() if told_dead != dead]:
            outcome = send(self._parcel(address, dead=dead), self._settings)
            if outcome.state == "sent":
                self._told[address] = dead
            else:
                log.error("a mail of the dead man's switch was not taken: %s", outcome.answer)
                self._not_before = time.monotonic() + AGAIN_SECONDS

    def _parcel(self, address: str, *, dead: bool) -> Parcel:
        words = [translations(language).gettext for language in ("vi", "en")]
        last = f"{self._held_at:%Y-%m-%d %H:%M:%S} UTC"
        if dead:
            subject = " · ".join(_("Alerting is dead") for _ in words)
            body = "\n\n".join(
                _(
                    "The watchdog was last heard at {time}. Until it is heard again, no alert may reach anybody.\n"
                    "What to do: see whether Prometheus and Alertmanager run, and the centre reaches the Internet."
                ).format(time=last)
                for _ in words
            )
        else:
            subject = " · ".join(_("Alerting works again") for _ in words)
            body = "\n\n".join(_("The watchdog is heard again, at {time}.").format(time=last) for _ in words)
        key = hashlib.sha256(f"{address} {dead} {last}".encode()).hexdigest()
        return Parcel(0, 1, key, "", "email", address, "vi", subject, body + "\n", datetime.now(UTC))


def create_app(switch: Switch, token: str) -> FastAPI:
    """`POST /watchdog` with `Authorization: Bearer TOKEN` holds the switch; `GET /healthz` is 503 while it is dead."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        task = asyncio.create_task(_look(switch))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    app = FastAPI(lifespan=lifespan, openapi_url=None)

    @app.post("/watchdog")
    async def watchdog(request: Request) -> dict[str, bool]:
        """Alertmanager's webhook, version 4. Only a Watchdog that fires holds the switch."""
        given = request.headers.get("authorization", "").encode()
        if not hmac.compare_digest(given, f"Bearer {token}".encode()):
            raise HTTPException(401, "Authorization: send the switch's token as Bearer")
        body = Body(request, BODY_BYTES)
        try:
            body.expected_bytes()
            told = Notification.model_validate_json(await body.read(BODY_SECONDS))
        except Refusal as refused:
            raise HTTPException(refused.status, refused.text) from None
        except ValidationError as wrong:
            raise HTTPException(400, f"body: {wrong.errors()[0]['msg']}") from None
        held = any(alert.labels["alertname"] == WATCHDOG and alert.status == "firing" for alert in told.alerts)
        if held:
            switch.hold()
        return {"held": held}

    @app.get("/healthz")
    async def healthz() -> dict[str, str]:
        if switch.is_dead:
            raise HTTPException(503, "dead")
        return {"switch": "held"}

    return app


async def _look(switch: Switch) -> None:
    while True:
        await to_thread.run_sync(switch.look)
        await asyncio.sleep(LOOK_SECONDS)
