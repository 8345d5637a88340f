"""Speed and duplex: a real link, and captured answers of /sys."""

from __future__ import annotations

import sys

import pytest
from haidang_agent.platform.link import link_duplex, link_speed_bps

from tests.agent.namespaces import Namespace

TOLD = """
import pathlib
from haidang_agent.platform.link import link_duplex, link_speed_bps
sys = pathlib.Path("/sys")
print([(link_speed_bps(sys, name), link_duplex(sys, name)) for name in ("wan0", "br0", "gone0")])
"""


def shown(tree, *, speed, duplex):
    folder = tree / "class" / "net" / "eth0"
    folder.mkdir(parents=True)
    (folder / "speed").write_text(speed)
    (folder / "duplex").write_text(duplex)
    return tree


@pytest.mark.parametrize(
    ("speed", "duplex", "expected"),
    [
        ("1000\n", "full\n", (1_000_000_000, "full")),
        ("10\n", "half\n", (10_000_000, "half")),
        ("100000\n", "full\n", (100_000_000_000, "full")),
        ("-1\n", "unknown\n", (None, None)),
        ("4294967295\n", "unknown\n", (None, None)),
        ("0\n", "\n", (None, None)),
        ("", "", (None, None)),
    ],
)
def test_what_sysfs_shows(tmp_path, speed, duplex, expected):
    sys_tree = shown(tmp_path, speed=speed, duplex=duplex)

    assert (link_speed_bps(sys_tree, "eth0"), link_duplex(sys_tree, "eth0")) == expected


def test_real_interfaces():
    """veth says 10 Gbit/s, a bridge without ports has neither speed nor duplex, nor has what is gone."""
    with Namespace() as machine:
        machine.ip("link", "add", "wan0", "type", "veth", "peer", "name", "wan1")
        machine.ip("link", "set", "wan0", "up")
        machine.ip("link", "set", "wan1", "up")
        machine.ip("link", "add", "br0", "type", "bridge")

        told = machine.run(sys.executable, "-c", TOLD)

    assert told.strip() == "[(10000000000, 'full'), (None, None), (None, None)]"
