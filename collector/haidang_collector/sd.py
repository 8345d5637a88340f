"""GET /sd/agents: agents that can be scraped, where the centre reaches the schools (Prometheus HTTP SD).

An agent whose /metrics listens beyond loopback says on which port with each push (`Haidang-Scrape-Port`). The host is
where the push came from and is never taken from the agent: it could send Prometheus anywhere. What each offered last
stands in the registry, so that every process of the collector knows it, also after a start.
"""

import re
import time
from typing import TYPE_CHECKING

from fastapi import APIRouter, Depends, Request
from pydantic import BaseModel

from haidang_collector.auth import operator

if TYPE_CHECKING:
    from haidang_collector.metrics import FactCollector

LISTED_SECONDS = 86_400.0
"""An agent that was not heard for so long is listed no more; it comes back with its next push."""
PORT = re.compile(r"[1-9][0-9]{0,4}")
HIGHEST_PORT = 65535

router = APIRouter(tags=["exporters"], dependencies=[Depends(operator)])


class TargetGroup(BaseModel):
    """One entry of the HTTP SD format."""

    targets: list[str]
    labels: dict[str, str]


def scrape_address(host: str, port: str | None) -> str | None:
    """`port` as the agent wrote it; anything but a port means that it cannot be scraped."""
    if port is None or not PORT.fullmatch(port) or int(port) > HIGHEST_PORT:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


@router.get("/sd/agents", summary="Agents that can be scraped")
def agents(request: Request) -> list[TargetGroup]:
    """Labels unit, district and agent; for relabelling also `__meta_haidang_roles`, `_version` and `_os`."""
    facts: FactCollector = request.app.state.facts
    listed_from = time.time() - LISTED_SECONDS
    return [
        TargetGroup(
            targets=[fact.scrape_address],
            labels={
                "unit": fact.unit,
                "district": fact.district,
                "agent": fact.agent,
                "__meta_haidang_roles": f",{','.join(fact.roles)},",
                "__meta_haidang_version": fact.version,
                "__meta_haidang_os": fact.os,
            },
        )
        for fact in facts.agents()
        if fact.scrape_address is not None and fact.last_seen is not None and fact.last_seen >= listed_from
    ]
