"""What a simulated unit owns, and which of it stands where an agent can find it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from haidang_collector.simulate.model import Machine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_collector.simulate.build import Dice
    from haidang_collector.simulate.model import Room
    from haidang_collector.simulate.scenario import Scenario

CHECKS = {
    "system_supported": "critical", "security_updates_overdue": "critical", "security_updates": "warning",
    "reboot": "warning", "firewall": "critical", "disk_encryption": "warning", "screen_lock": "warning",
    "guest_account": "warning", "passwords": "critical", "second_root": "critical", "administrators": "info",
    "ssh_root_login": "critical", "ssh_password_login": "warning", "ssh_empty_passwords": "critical",
    "open_services": "warning", "clock": "warning", "own_files": "critical",
}  # fmt: skip
"""Posture checks of a Linux machine, with their severity."""


class Owned(NamedTuple):
    """Devices that a unit really has."""

    management: int
    printers: int
    webcams: int
    cameras: int
    projectors: int
    displays: int
    access_points: int

    def declared(self) -> dict[str, int]:
        """By the registry's words."""
        return {
            "management_computer": self.management,
            "printer": self.printers,
            "webcam": self.webcams,
            "camera": self.cameras,
            "projector": self.projectors,
            "display": self.displays,
            "access_point": self.access_points,
        }

    def network(self) -> dict[str, int]:
        """What a sweep of the LAN finds: the first printer hangs on a machine's own port."""
        return {
            "printer": max(self.printers - 1, 0),
            "camera": self.cameras,
            "display": self.displays // 4,
            "access_point": self.access_points,
        }


def machines_of(
    dice: Dice, owned: Owned, rooms: tuple[Room, ...], groups: tuple[tuple[str, bool], ...], scenario: Scenario
) -> tuple[Machine, ...]:
    """The agents of a unit; the first is its site agent, on the first management computer."""
    return tuple(_machines(dice, owned, rooms, groups, scenario))


def _machines(
    dice: Dice, owned: Owned, rooms: tuple[Room, ...], groups: tuple[tuple[str, bool], ...], scenario: Scenario
) -> Iterator[Machine]:
    first = {"webcam": min(owned.webcams, 1), "printer": min(owned.printers, 1), "display": 0}
    yield Machine(("site", "host"), "management", "", first, _failed(dice, scenario))
    second = {"webcam": max(owned.webcams - 1, 0), "printer": 0, "display": min(owned.displays, 1)}
    if owned.management > 1 and dice.yes(0.5):
        yield Machine(("host",), "management", "", second, _failed(dice, scenario))
    if rooms and dice.yes(0.2):
        yield Machine(("host",), "teaching", rooms[0].name, dict.fromkeys(first, 0), _failed(dice, scenario))
    if any(has for _, has in groups) and dice.yes(0.1):
        yield Machine(("host",), "subject_group", "", dict.fromkeys(first, 0), _failed(dice, scenario))
    if dice.yes(scenario.server):
        yield Machine(("host",), "server", "", dict.fromkeys(first, 0), _failed(dice, scenario))


def _failed(dice: Dice, scenario: Scenario) -> frozenset[str]:
    """Warnings are common; a fault of critical severity is what makes a machine unsafe."""
    common = {check for check, severity in CHECKS.items() if severity != "critical" and dice.yes(0.1)}
    grave = [check for check, severity in CHECKS.items() if severity == "critical"]
    return frozenset(common | ({dice.choice(grave)} if dice.yes(scenario.posture_failing) else set()))
