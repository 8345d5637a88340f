"""The probe `wan` in this process, its sockets and thread in a node of the virtual school."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from haidang_agent.probe import Host, Memory, Totals, Watch
from haidang_agent.probes.wan import PROBE, Settings
from haidang_agent.tables import Wan

from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from haidang_agent.probe import Role
    from haidang_agent.wan.keeper import LineState

    from tests.lab import Node, VirtualSchool

Values = dict[tuple[str, ...], float]


def lines(school: VirtualSchool, **changes: object) -> tuple[Wan, ...]:
    """One for each ISP, named after the router's port, as agent.toml would have them."""
    return tuple(
        Wan(**{
            "name": isp.wan, "isp": isp.isp, "medium": "fibre", "interface": isp.wan, "gateway": isp.gateway,
            "targets": (isp.target, school.common_target), **changes,
        })  # type: ignore[arg-type]  # a test's words
        for isp in school.isps.values()
    )  # fmt: skip


class Watched:
    """`values` are by metric and label values."""

    def __init__(self, node: Node, references: tuple[str, ...], host: Host) -> None:
        self.node, self.host = node, host
        with node.inside():
            self.probe = PROBE.start(Settings(references), host)

    def values(self) -> Values:
        with self.node.inside():
            return {(sample.metric.name, *sample.labels): sample.value for sample in self.probe.collect()}

    def value(self, name: str, *labels: str) -> float | None:
        return self.values().get((name, *labels))

    def until(self, what: str, look: Callable[[Values], object], seconds: float = 3) -> Values:
        """Looked at ten times a second; the values for which `look` was true first."""
        return eventually(what, lambda: (seen := self.values()) and look(seen) and seen, seconds=seconds)

    def states(self) -> list[LineState]:
        """Of the lines, with what the metrics do not tell."""
        with self.node.inside():
            return self.probe._keeper.look()

    def close(self) -> None:
        with self.node.inside():
            self.probe.close()


@contextmanager
def watched(
    node: Node,
    wans: tuple[Wan, ...],
    references: tuple[str, ...] = (),
    *,
    totals: Totals | None = None,
    memory: Memory | None = None,
    roles: tuple[Role, ...] = ("router",),
) -> Iterator[Watched]:
    """`totals` and `memory` are those of an earlier run."""
    host = Host(
        proc=Path("/proc/thread-self"),
        totals=totals or Totals(),
        memory=memory or Memory(),
        watch=Watch(roles=roles, wan=wans),
    )
    made = Watched(node, references, host)
    try:
        yield made
    finally:
        made.close()
