"""The rules in force, asked of a real kernel, whatever is set up to start."""

from __future__ import annotations

import sys

from tests.agent.namespaces import Namespace

LOOK = (
    "from haidang_agent.posture.linux.machine import Machine\n"
    "from haidang_agent.posture.linux.network import firewall\n"
    "print(firewall(Machine(0.0)).found)"
)
REFUSED, OPEN = "the kernel refuses what is not let in\n", "the kernel lets everything in\n"


def test_rules_in_force() -> None:
    """A rule against one service is no firewall; ufw's and firewalld's way to refuse the rest are."""
    base = (
        "table inet t { chain i { type filter hook input priority 0; policy %s; tcp dport { 22, 23 } drop\n%s\n}\n}\n"
    )
    with Namespace() as machine:

        def found(rules: str) -> str:
            machine.nft("flush ruleset\n" + rules)
            return machine.run(sys.executable, "-c", LOOK)

        assert found("") == OPEN
        assert found(base % ("accept", "")) == OPEN
        assert found(base % ("drop", "")) == REFUSED
        assert found(base % ("accept", "counter reject with icmpx type admin-prohibited")) == REFUSED
