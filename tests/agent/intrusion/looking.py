"""One run of an active check in a namespace: in this process what comes out, in the child what is done."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

from haidang_agent.intrusion.check import Site, discover
from haidang_agent.intrusion.settings import Settings
from haidang_agent.platform.subnets import own_subnets
from haidang_agent.probe import Evidence, Host, Memory, ProbeError, Watch
from haidang_agent.tables import Server

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.agent.namespaces import Namespace


@dataclass(frozen=True)
class Looked:
    """`found` by the values of the subject, in order: severity and the sentence."""

    found: dict[tuple[str, ...], tuple[str, str]] = field(default_factory=dict)
    problem: str = ""
    memory: dict[str, Any] = field(default_factory=dict)


def look(
    namespace: Namespace,
    check: str,
    *,
    devices: Iterable[tuple[str, str, str]] | None = None,
    memory: dict[str, Any] | None = None,
    server: tuple[str, str] | None = None,
    **settings: object,
) -> Looked:
    """`devices` are MAC address, IP address and class of those online; `server` is the collector's URL and CA file."""
    told = None if devices is None else [dict(zip(("mac", "ip", "class"), each, strict=True)) for each in devices]
    asked = json.dumps({"devices": told, "memory": memory, "server": server, "settings": settings})
    answer = json.loads(namespace.run(sys.executable, "-W", "error", __file__, check, asked))
    return Looked(
        {tuple(subject.values()): (severity, sentence) for subject, severity, sentence in answer["found"]},
        answer["problem"],
        answer["memory"],
    )


def main(name: str, asked: dict[str, Any]) -> None:
    chosen = {key: tuple(value) if isinstance(value, list) else value for key, value in asked["settings"].items()}
    server = Server(*asked["server"]) if asked["server"] else None
    host = Host(evidence=Evidence(), memory=Memory(asked["memory"]), watch=Watch(server=server))
    if asked["devices"] is not None:
        host.evidence.tell("lan_devices", "", asked["devices"], 900)
    answer: dict[str, Any] = {"found": [], "problem": ""}
    try:
        for found in discover()[name].run(Site(Settings(**chosen), host, own_subnets(()), Event())):
            answer["found"].append([found.subject, found.severity, found.evidence.told()])
    except ProbeError as failed:
        answer["problem"] = str(failed)
    print(json.dumps(answer | {"memory": host.memory.copy()}))


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[3]))
    main(sys.argv[1], json.loads(sys.argv[2]))
