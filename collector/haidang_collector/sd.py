"""GET /sd/agents: agents that can be scraped, where the centre reaches the schools (Prometheus HTTP SD).

An agent whose /metrics listens beyond loopback says on which port with each push (`Haidang-Scrape-Port`). The host is
where the push came from and is never taken from the agent: it could send Prometheus anywhere.
"""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel

from haidang_collector.auth import operator

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

LEARNING_SECONDS = 30.0
"""After a start nobody is known before the next push; until then Prometheus is to keep the list it has."""
PORT = re.compile(r"[1-9][0-9]{0,4}")
HIGHEST_PORT = 65535

router = APIRouter(tags=["exporters"], dependencies=[Depends(operator)])


class TargetGroup(BaseModel):
    """One entry of the HTTP SD format."""

    targets: list[str]
    labels: dict[str, str]


class ScrapeTargets:
    """Agents that offer to be scraped, and where."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._complete_at = clock() + LEARNING_SECONDS
        self._address: dict[str, str] = {}

    def learn(self, agent: str, host: str, port: str | None) -> None:
        """`port` as the agent wrote it; anything but a port means that it cannot be scraped."""
        if port is not None and PORT.fullmatch(port) and int(port) <= HIGHEST_PORT:
            self._address[agent] = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        else:
            self._address.pop(agent, None)

    def address(self, agent: str) -> str | None:
        return self._address.get(agent)

    @property
    def complete(self) -> bool:
        return self._clock() >= self._complete_at


@router.get("/sd/agents", summary="Agents that can be scraped", responses={503: {"description": "Not known yet"}})
def agents(request: Request) -> list[TargetGroup]:
    """Labels unit, district and agent; for relabelling also `__meta_haidang_roles`, `_version` and `_os`."""
    registry: Registry = request.app.state.registry
    known: ScrapeTargets = request.app.state.scrape_targets
    if not known.complete:
        raise HTTPException(503, "just started; agents are known within 30 s", {"Retry-After": "30"})
    return [
        TargetGroup(
            targets=[address],
            labels={
                "unit": fact.unit,
                "district": fact.district,
                "agent": fact.agent,
                "__meta_haidang_roles": f",{','.join(fact.roles)},",
                "__meta_haidang_version": fact.version,
                "__meta_haidang_os": fact.os,
            },
        )
        for fact in registry.agents()
        if not fact.revoked and (address := known.address(fact.agent)) is not None
    ]
