"""Files for a store with a tenant for each district: who brings facts there, and who evaluates which rules.

One vmagent scrapes the collector and takes what rules record. What it gets of a district goes to the district's tenant
and to the centre's, what is of no district to all. A vmalert of each district evaluates the rules of units and
districts in its tenant, one of the centre those of the city; what they record goes to the same vmagent. So every
expression is asked of a single tenant and means there what it means in a store without tenants.

Options are vmagent's and vmalert's, by the names that `-envflag.enable` reads ("Environment variables",
VictoriaMetrics' documentation).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import yaml

from haidang_collector.supervisor.files import FACTS_SECONDS, SCRAPE_SECONDS
from haidang_collector.supervisor.victoria import READ, RULE_OPTIONS, RULE_VARIABLES
from haidang_collector.tenants import CENTRE, DISTRICT, HEADER, Tenants, tenant_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from haidang_collector.settings import Settings

OF_A_DISTRICT = ("agent", "unit", "school", "district")
"""Levels of recorded series that lie in one district: `unit:school_internet_up`. Others are the city's."""
SAID_OF_A_DISTRICT = re.compile(r"\$labels\.(unit|district)\b")
"""In the texts of an alert: it names a unit or a district."""
DISTRICT_LABEL = "district"
MOST_WAITING_BYTES = 1 << 30
"""On vmagent's disk, of each tenant, while the store does not take it; then the oldest go."""


@dataclass(frozen=True, slots=True)
class Places:
    """Where things are. `registry` is scraped once, however many collectors there are; addresses are host:port."""

    files: Path
    collectors: Sequence[str]
    registry: str
    vmagent: str
    alertmanagers: Sequence[str]
    first_port: int
    password_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Tenant:
    """One evaluator of rules; `district` empty: the centre's. `port` is its vmalert's, on loopback."""

    name: str
    district: str
    port: int


def tenants_of(districts: Sequence[str], first_port: int) -> list[Tenant]:
    """The centre's first."""
    names = [(CENTRE, ""), *sorted((tenant_of(district), district) for district in set(districts))]
    return [Tenant(name, district, first_port + number) for number, (name, district) in enumerate(names)]


def files(settings: Settings, places: Places, districts: Sequence[str], rules: Mapping[str, Any]) -> dict[str, str]:
    """Contents by path below `places.files`; `rules` are rule files by name, as vmalert is to read them."""
    tenants = tenants_of(districts, places.first_port)
    written = {"scrape.yml": _yaml(scrape_config(places, tenants)), "vmagent.env": _vmagent(settings, places, tenants)}
    for tenant in tenants:
        written[f"relabel/{tenant.name}.yml"] = _yaml(_kept(tenant))
        written[f"vmalert-{tenant.name}.env"] = _vmalert(settings, places, tenant)
    for folder, of_city in (("centre", True), ("district", False)):
        for name, content in rules.items():
            if groups := _groups(content, of_city=of_city):
                written[f"rules/{folder}/{name}"] = _yaml({"groups": groups})
    return written


def is_of_city(rule: Mapping[str, Any]) -> bool:
    """Whether what a rule says lies in no one district, by its name or, of an alert, by its texts."""
    if "record" in rule:
        return rule["record"].partition(":")[0] not in OF_A_DISTRICT
    return not any(SAID_OF_A_DISTRICT.search(text) for text in rule["annotations"].values())


def scrape_config(places: Places, tenants: Sequence[Tenant]) -> dict[str, Any]:
    """Of vmagent: the collectors' own figures, the registry's facts, and how long rules take."""
    who: dict[str, Any] = {}
    if places.password_file:
        who = {"basic_auth": {"username": "vmagent", "password_file": str(places.password_file)}}
    jobs: list[dict[str, Any]] = [
        {"job_name": "collector", "static_configs": [{"targets": list(places.collectors)}], **who}
    ]
    for job, part, seconds in (("registry", "agents", SCRAPE_SECONDS), ("facts", "facts", FACTS_SECONDS)):
        jobs.append(
            {
                "job_name": job,
                "metrics_path": "/metrics/registry",
                "params": {"part": [part]},
                "honor_labels": True,
                "scrape_interval": f"{seconds}s",
                "static_configs": [{"targets": [places.registry]}],
                **who,
            }
        )
    vmalerts = [
        {"targets": [f"127.0.0.1:{tenant.port}"]}
        | ({"labels": {DISTRICT_LABEL: tenant.district}} if tenant.district else {})
        for tenant in tenants
    ]
    read = [{"source_labels": ["__name__"], "regex": READ, "action": "keep"}]
    jobs.append({"job_name": "vmalert", "static_configs": vmalerts, "metric_relabel_configs": read})
    return {"global": {"scrape_interval": f"{SCRAPE_SECONDS}s"}, "scrape_configs": jobs}


def _kept(tenant: Tenant) -> list[dict[str, Any]]:
    """All for the centre; for a district its own, and what is of no district and no unit."""
    if not tenant.district:
        return []
    regex = f";|{re.escape(tenant.district)};.*"
    return [{"source_labels": [DISTRICT_LABEL, "unit"], "separator": ";", "regex": regex, "action": "keep"}]


def _groups(content: Mapping[str, Any], *, of_city: bool) -> list[dict[str, Any]]:
    groups = [
        group | {"rules": [rule for rule in group["rules"] if is_of_city(rule) is of_city]}
        for group in content["groups"]
    ]
    return [group for group in groups if group["rules"]]


def _vmagent(settings: Settings, places: Places, tenants: Sequence[Tenant]) -> str:
    """Lists by tenant, in the same order each."""
    store = Tenants(settings)
    options = {
        "promscrape_config": str(places.files / "scrape.yml"),
        "promscrape_maxScrapeSize": str(64 << 20),
        "httpListenAddr": places.vmagent,
        "remoteWrite_url": ",".join(store.write_url(tenant.district) for tenant in tenants),
        "remoteWrite_urlRelabelConfig": ",".join(
            str(places.files / f"relabel/{tenant.name}.yml") for tenant in tenants
        ),
        "remoteWrite_flushInterval": "1s",
        "remoteWrite_maxDiskUsagePerURL": str(MOST_WAITING_BYTES),
        **_trusted(settings, "remoteWrite"),
    }
    headers = [store.write_headers(tenant.district) for tenant in tenants]
    if all(headers):
        options["remoteWrite_headers"] = ",".join(f"{HEADER}:{each[HEADER]}" for each in headers)
    return _environment(options)


def _vmalert(settings: Settings, places: Places, tenant: Tenant) -> str:
    asked = httpx.Request("GET", settings.prometheus_url.rstrip("/"), extensions={DISTRICT: tenant.district})
    Tenants(settings).mark(asked)
    parts = (option.removeprefix("-").partition("=") for option in RULE_OPTIONS)
    options = {name.replace(".", "_"): value for name, _, value in parts}
    options |= RULE_VARIABLES | {
        "rule": str(places.files / "rules" / ("district" if tenant.district else "centre") / "*.yml"),
        "datasource_url": str(asked.url),
        "remoteRead_url": str(asked.url),
        "remoteWrite_url": f"http://{places.vmagent}",
        "notifier_url": ",".join(places.alertmanagers),
        "httpListenAddr": f"127.0.0.1:{tenant.port}",
        **_trusted(settings, "datasource", "remoteRead"),
    }
    if tenant.district:
        options["external_label"] = json.dumps(f"{DISTRICT_LABEL}={tenant.district}", ensure_ascii=False)
    if HEADER in asked.headers:
        options |= dict.fromkeys(("datasource_headers", "remoteRead_headers"), f"{HEADER}:{asked.headers[HEADER]}")
    return _environment(options)


def _trusted(settings: Settings, *ways: str) -> dict[str, str]:
    """Whose word is taken for who the store is; nothing: the usual ones'."""
    if not settings.store_ca:
        return {}
    return dict.fromkeys((f"{way}_tlsCAFile" for way in ways), str(Path(settings.store_ca).absolute()))


def _environment(options: Mapping[str, str]) -> str:
    """As systemd's EnvironmentFile= reads it (systemd.exec(5))."""
    escaped = {name: value.replace("\\", "\\\\").replace('"', '\\"') for name, value in options.items()}
    return "".join(f'{name}="{value}"\n' for name, value in sorted(escaped.items()))


def _yaml(content: object) -> str:
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
