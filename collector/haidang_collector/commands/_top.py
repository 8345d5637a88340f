"""`haidang agents top`: who brings the most series, and who brings what is not taken; asked of the store."""

import re
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from haidang_collector.commands._registry import Data, Json, opened, refuse, show, show_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from haidang_collector.evaluation.store import Store

HEADER = ("AGENT", "UNIT", "DISTRICT", "SERIES", "OF LIMIT", "REFUSED IN AN HOUR")
METRICS_HEADER = ("METRIC", "SERIES")
PUSHED = '__name__=~"[a-zA-Z_][a-zA-Z0-9_]*", job=""'
"""Not what rules record, whose names have colons, nor what is scraped, which has a job."""
REFUSED = "sum by (unit, district, agent, reason) (increase(haidang_ingest_agent_refused_total[1h])) > 0"
AGENT_ID = re.compile(r"[A-Za-z0-9._-]{1,100}")


@dataclass(frozen=True, slots=True)
class Load:
    """`series` that the store holds of the agent now; `refused`: requests within an hour by reason."""

    agent: str
    unit: str
    district: str
    series: int
    refused: dict[str, int]


def top(
    agent: Annotated[str | None, typer.Option(metavar="ID", help="The metrics of this agent instead.")] = None,
    number: Annotated[int, typer.Option("--number", "-n", min=1, max=10_000, help="How many to show.")] = 20,
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Show which agents have the most series, and of whom requests were refused within the last hour.

    Who was refused comes first. The store is asked (HAIDANG_PROMETHEUS_URL); only what is live now counts.

    For example:

    haidang agents top

    haidang agents top --agent a-k3jx7q2m5n6p

    """
    if agent is not None and not AGENT_ID.fullmatch(agent):
        refuse(f"{agent!r} is no agent's id; `haidang agents list` shows all")
    loads, metrics, limit = _asked(data, agent, number)
    if agent is not None:
        if as_json:
            show_json(metrics)
        else:
            show(METRICS_HEADER, [(name, str(count)) for name, count in metrics.items()])
    elif as_json:
        show_json([asdict(load) for load in loads])
    else:
        show(HEADER, [_row(load, limit) for load in loads])


def _asked(data: "Path | None", agent: str | None, number: int) -> "tuple[list[Load], dict[str, int], int]":
    """Loads, or with `agent` its series by metric; and the limit."""
    import httpx  # noqa: PLC0415 - `--help` need not wait

    from haidang_collector.evaluation.store import Store, StoreAwayError  # noqa: PLC0415
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415
    from haidang_collector.tenants import PER_DISTRICT, Reader, Tenants, authorities  # noqa: PLC0415

    try:
        settings = from_environment()
    except BadSettingError as bad:
        refuse(str(bad))
    with opened(data) as registry:
        each = settings.store_tenant == PER_DISTRICT
        districts = sorted({unit.district for unit in registry.units()}) if each else [""]
    tls = authorities(settings.store_ca)
    with httpx.Client(trust_env=False, auth=Reader(Tenants(settings)), verify=tls or True) as client:
        store = Store(client, settings.prometheus_url)
        try:
            if agent is not None:
                return [], _metrics(store, districts, agent, number), settings.agent_series
            return _loads(store, districts, number), {}, settings.agent_series
        except StoreAwayError as away:
            refuse(str(away))


def _loads(store: "Store", districts: "Sequence[str]", number: int) -> list[Load]:
    now = datetime.now(UTC)
    asked = f'topk({number}, count by (unit, district, agent) ({{{PUSHED}, agent!=""}}))'
    counted = [found for district in districts for found in store.query(asked, now, district)]
    refused: dict[tuple[str, str, str], dict[str, int]] = {}
    for labels, times in store.query(REFUSED, now):
        refused.setdefault(_who(labels), {})[labels.get("reason", "")] = round(times)
    series = {_who(labels): int(count) for labels, count in counted}
    loads = [
        Load(agent, unit, district, series.get((agent, unit, district), 0), refused.get((agent, unit, district), {}))
        for agent, unit, district in series.keys() | refused.keys()
    ]
    return sorted(loads, key=lambda load: (-sum(load.refused.values()), -load.series, load.agent))[:number]


def _metrics(store: "Store", districts: "Sequence[str]", agent: str, number: int) -> dict[str, int]:
    asked = f'topk({number}, count by (__name__) ({{{PUSHED}, agent="{agent}"}}))'
    now = datetime.now(UTC)
    counted = Counter[str]()
    for district in districts:
        for labels, count in store.query(asked, now, district):
            counted[labels.get("__name__", "")] += int(count)
    return dict(sorted(counted.items(), key=lambda each: (-each[1], each[0]))[:number])


def _who(labels: "Mapping[str, str]") -> tuple[str, str, str]:
    return labels.get("agent", ""), labels.get("unit", ""), labels.get("district", "")


def _row(load: Load, limit: int) -> tuple[str, ...]:
    refused = ", ".join(f"{reason} {times}" for reason, times in sorted(load.refused.items()))
    share = f"{load.series / limit:.0%}"
    return load.agent, load.unit, load.district, str(load.series), share, refused or "-"
