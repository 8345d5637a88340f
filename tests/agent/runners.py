"""Probes and runners made for a test."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from haidang_agent.config import Config
from haidang_agent.probe import AnyProbe, Host, Metric, Probe, Sample, Stateless
from haidang_agent.runner import Runner
from haidang_agent.tables import Agent, Seconds

UP = Metric("school_trial_up", "1 if up.", ("what",))


@dataclass(frozen=True)
class Settings:
    """Nothing to set."""


def probe(name: str, collect: Callable[[Settings, Host], Iterable[Sample]], every: float = 60) -> AnyProbe:
    return Probe(
        name, partial(Stateless, collect), Settings, metrics=(UP,), every_seconds=every, timeout_seconds=every / 2
    )


def runner_of(*probes: AnyProbe, roles: tuple[str, ...] = ("site",), push_interval: float = 1) -> Runner:
    agent = Agent(roles=roles, push_interval=Seconds(push_interval))  # type: ignore[arg-type]  # a test's words
    config = Config(agent=agent, probes={each.name: Settings() for each in probes})
    return Runner({each.name: each for each in probes}, config, Host())
