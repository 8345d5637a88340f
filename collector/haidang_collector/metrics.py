"""GET /metrics (the collector about itself) and GET /metrics/registry (facts that rules join with measurements)."""

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from haidang_advice import checks, translations, website
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from haidang_collector.auth import operator
from haidang_collector.centre import metrics as centre
from haidang_collector.centre import school_time
from haidang_collector.centre.school_time import Calendar
from haidang_collector.ingest.seen import Seen
from haidang_collector.outside.metrics import ports_open
from haidang_collector.policy.metrics import policy_limits
from haidang_collector.policy.policy import Policy, load
from haidang_collector.registry.fact_metrics import VIETNAM, fact_metrics, school_year
from haidang_collector.registry.fact_text import FactText, Rendered
from haidang_collector.registry.facts import AgentFact, Sighting, latest_credible
from haidang_collector.registry.store import Registry

ALWAYS_ON = frozenset({"site", "router"})
"""Roles of an agent that must be heard day and night. Host agents go off with their PC."""
LATELY_SECONDS = 60.0
"""So long after its last push the ISP of an agent is told."""

router = APIRouter(tags=["exporters"], dependencies=[Depends(operator)], default_response_class=Response)


def own_metrics(version: str) -> CollectorRegistry:
    """The registry behind /metrics; ingest adds its own."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    info = Gauge(
        "haidang_collector_info",
        "Version of the collector; always 1.",
        ("version",),
        registry=registry,
        multiprocess_mode="mostrecent",
    )
    info.labels(version).set(1)
    return registry


class Part(StrEnum):
    """What changes by the second, and what people and slow checks change: far more, to be read less often."""

    AGENTS = "agents"
    FACTS = "facts"


class FactCollector:
    """Registry facts as metrics; what this process heard lately counts over what stands in the registry.

    Without `policy` or `calendar` the built-in ones hold. `started`: when the collector was, Unix seconds; None: now.
    """

    def __init__(
        self,
        registry: Registry,
        seen: Seen,
        policy: Policy | None = None,
        calendar: Calendar | None = None,
        started: float | None = None,
    ) -> None:
        self._registry = registry
        self._seen = seen
        self._policy = policy or load()
        self.calendar = calendar or school_time.load()
        self._started = time.time() if started is None else started
        self._began = time.monotonic()
        self._told = FactText(registry.database, self._of_registry)

    def families(self) -> Iterator[Metric]:
        """All of it, with the labels of those that have no sample."""
        yield from self._of_agents()
        yield from self._of_registry()
        yield from self._of_centre()

    def text(self, part: Part | None = None) -> bytes:
        """Prometheus text format; without `part` all."""
        text = b""
        if part is not Part.FACTS:
            text += Rendered(self._of_agents).text()
        if part is not Part.AGENTS:
            text += self._told.text() + Rendered(self._of_centre).text()
        return text

    def _of_agents(self) -> Iterator[Metric]:
        agents = self.agents()
        yield from _of_agents(agents)
        yield _egress_info(agents, time.time() - LATELY_SECONDS)
        started = self._credible(self._started)
        yield GaugeMetricFamily(
            "haidang_collector_start_timestamp_seconds", "When this collector started.", value=started
        )

    def _of_registry(self) -> Iterator[Metric]:
        units = GaugeMetricFamily(
            "school_unit_info", "A unit of the registry; always 1.", labels=("unit", "district", "name", "level")
        )
        for unit in self._registry.units():
            units.add_metric((unit.code, unit.district, unit.name, unit.level), 1)
        yield units
        yield from fact_metrics(self._registry.database)

    def _of_centre(self) -> Iterator[Metric]:
        yield ports_open(self._registry.database)
        yield from centre.portals(self._registry.database)
        yield from centre.public_services(self._registry.database)
        yield centre.feed_of_department(self._registry.database)
        yield centre.mail_domains(self._registry.database)
        yield school_year(datetime.now(VIETNAM))
        yield from school_time.metrics(self.calendar, datetime.now(UTC))
        yield policy_limits(self._policy, datetime.now(UTC).date())
        yield _checks()

    def agents(
        self, unit: str | None = None, district: str | None = None, *, only: Collection[str] | None = None
    ) -> list[AgentFact]:
        """Agents (of one unit, one district, or `only` these) that may push, each with its newest sighting."""
        found = self._registry.agents(unit, district, only=only)
        return [self._up_to_date(fact) for fact in found if not fact.revoked]

    def sightings(
        self, unit: str | None = None, district: str | None = None
    ) -> Iterator[tuple[str, float | None, bool]]:
        """Of each agent that may push (of a unit or a district): its unit, when it was heard last, if it stopped."""
        for agent, of, last_seen, stopped in self._registry.sightings(unit, district):
            heard = self._seen.latest(agent)
            if heard is None or _is_older(heard, last_seen):
                yield of, self._credible(last_seen), stopped
            else:
                yield of, heard.at, heard.stopped

    def _credible(self, moment: float | None) -> float | None:
        """What a wrong clock put into the future was, at the latest, when this collector started."""
        if moment is None or moment <= latest_credible():
            return moment
        return time.time() - (time.monotonic() - self._began)

    def _up_to_date(self, fact: AgentFact) -> AgentFact:
        heard = self._seen.latest(fact.agent)
        if heard is None or _is_older(heard, fact.last_seen):
            last_seen = self._credible(fact.last_seen)
            return fact if last_seen == fact.last_seen else replace(fact, last_seen=last_seen)
        return replace(
            fact, last_seen=heard.at, stopped=heard.stopped, isp=heard.isp, scrape_address=heard.scrape_address
        )


def _is_older(heard: Sighting, last_seen: float | None) -> bool:
    return last_seen is not None and heard.at < last_seen <= latest_credible()


def _checks() -> Metric:
    """So that alerts call a check by its name."""
    info = GaugeMetricFamily(
        "haidang_posture_check_info",
        "A check of posture, of machines or of websites: what must be so, and what to do where it is not; always 1.",
        labels=("check", "severity", "title_vi", "title_en", "remedy_vi", "remedy_en"),
    )
    vi = translations("vi").gettext
    for name, check in (checks.CHECKS | website.CHECKS).items():
        texts = (vi(check.title), check.title, vi(check.remedy), check.remedy)
        info.add_metric((name, check.severity, *texts), 1)
    return info


def _of_agents(agents: Iterable[AgentFact]) -> Iterator[Metric]:
    expected = _per_agent("haidang_agent_expected", "1 for an agent that is to be heard day and night.")
    last_seen = _per_agent(
        "haidang_agent_last_seen_timestamp_seconds", "When the agent was last heard; absent before its first push."
    )
    stopped = _per_agent("haidang_agent_stopped", "1 after the agent said goodbye, until it is heard again.")
    for fact in agents:
        labels = (fact.unit, fact.district, fact.agent)
        if ALWAYS_ON.intersection(fact.roles):
            expected.add_metric(labels, 1)
        if fact.last_seen is not None:
            last_seen.add_metric(labels, fact.last_seen)
        stopped.add_metric(labels, float(fact.stopped))
    yield from (expected, last_seen, stopped)


def _egress_info(agents: Iterable[AgentFact], heard_from: float) -> Metric:
    info = GaugeMetricFamily(
        "haidang_agent_egress_info",
        "The ISP that the agent's last push came by, unknown for a public address in no known prefix; always 1.",
        labels=("unit", "district", "agent", "isp"),
    )
    for fact in agents:
        if fact.isp is not None and fact.last_seen is not None and fact.last_seen >= heard_from:
            info.add_metric((fact.unit, fact.district, fact.agent, fact.isp), 1)
    return info


def _per_agent(name: str, text: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, labels=("unit", "district", "agent"))


def facts(request: Request) -> FactCollector:
    collector: FactCollector = request.app.state.facts
    return collector


@router.get("/metrics", summary="The collector about itself")
def metrics(request: Request) -> Response:
    """Prometheus text format."""
    return _exposition(generate_latest(request.app.state.shown_metrics))


@router.get("/metrics/registry", summary="Facts of the registry")
def registry_metrics(collector: Annotated[FactCollector, Depends(facts)], part: Part | None = None) -> Response:
    """Prometheus text format. Without `part` all: of a city, a hundred thousand series."""
    return _exposition(collector.text(part))


def _exposition(text: bytes) -> Response:
    return Response(text, headers={"Content-Type": CONTENT_TYPE_LATEST})
