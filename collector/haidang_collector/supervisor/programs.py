"""Which programs `haidang up` runs, where they are found, and how each is called."""

from __future__ import annotations

import os
import shutil
import sysconfig
from typing import TYPE_CHECKING

from haidang_collector.supervisor.child import Child
from haidang_collector.supervisor.plan import UpError

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_collector.i18n import Words
    from haidang_collector.supervisor.plan import Plan

RETENTION = "400d"
"""A school year and its evaluation."""
PORTAL_MINUTES = 10


def server(words: Words, *names: str) -> str:
    """The first of `names` that is on PATH; the first is also Debian's package. Raises UpError."""
    for name in names:
        if found := shutil.which(name):
            return found
    raise UpError(
        words(
            "%(name)s is not on PATH; on Debian: apt-get install %(name)s; elsewhere take it from "
            "https://prometheus.io/download/ and put it on PATH"
        )
        % {"name": names[0]}
    )


BEHIND_THE_STORE = 5
"""Niceness. What the store does not get done comes again and costs all of them once more, so it goes first."""


def own(name: str) -> str:
    """Our own program: beside the running one, else on PATH."""
    places = os.pathsep.join((sysconfig.get_path("scripts"), os.environ.get("PATH", os.defpath)))
    return shutil.which(name, path=places) or name


def prometheus_data(plan: Plan) -> Path:
    return plan.data / "prometheus" / "data"


def prometheus(plan: Plan, program: str) -> Child:
    return Child(
        "prometheus",
        [
            program,
            f"--config.file={plan.data / 'prometheus' / 'prometheus.yml'}",
            f"--storage.tsdb.path={prometheus_data(plan)}",
            f"--storage.tsdb.retention.time={RETENTION}",
            f"--web.listen-address=127.0.0.1:{plan.prometheus_port}",
            "--web.enable-remote-write-receiver",
        ],
        log=plan.log("prometheus"),
        ready_url=f"{plan.prometheus}/-/ready",
        environment=os.environ,
    )


def alertmanager(plan: Plan, program: str) -> Child:
    folder = plan.data / "alertmanager"
    return Child(
        "alertmanager",
        [
            program,
            f"--config.file={folder / 'alertmanager.yml'}",
            f"--storage.path={folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{plan.alertmanager_port}",
            "--cluster.listen-address=",
            "--data.retention=192h",  # longer than the longest repeat_interval, a week
        ],
        log=plan.log("alertmanager"),
        ready_url=f"{plan.alertmanager}/-/ready",
        environment=os.environ,
    )


def collector(plan: Plan) -> Child:
    """Ready only when its store is."""
    return Child(
        "collector",
        [
            own("haidang"),
            "serve",
            "--upgrade",
            f"--data={plan.data}",
            f"--listen=127.0.0.1:{plan.collector_port}",
            *([] if plan.workers is None else [f"--workers={plan.workers}"]),
        ],
        log=plan.log("collector"),
        ready_url=f"{plan.collector}/readyz",
        environment={
            "MALLOC_ARENA_MAX": "1",  # as in the collector's unit: what threads give back does not stay with them
            **os.environ,
            "HAIDANG_STORE": plan.store,
            "HAIDANG_STORE_FOLDER": str(plan.data.absolute()),
            "HAIDANG_STORE_WRITE_URL": f"{plan.prometheus}/api/v1/write",
            "HAIDANG_PROMETHEUS_URL": plan.prometheus,
            "HAIDANG_ALERTMANAGER_URL": plan.alertmanager,
        },
        niceness=BEHIND_THE_STORE,
    )


def portals(plan: Plan) -> Child:
    """Has no address of its own: what it finds is the collector's to tell."""
    return Child(
        "portals",
        [own("haidang"), "portals", "check", f"--data={plan.data}", f"--every={PORTAL_MINUTES}"],
        log=plan.log("portals"),
        ready_url="",
        environment=os.environ,
        niceness=BEHIND_THE_STORE,
    )


def agent(plan: Plan) -> Child:
    return Child(
        "agent",
        [own("haidang-agent"), "run", "--config", str(plan.agent_config)],
        log=plan.log("agent"),
        ready_url=plan.agent_metrics,
        environment={"MALLOC_ARENA_MAX": "1", **os.environ},  # 2.5 MiB less; as in the agent's unit in packaging/linux
    )
