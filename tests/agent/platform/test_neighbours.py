"""Neighbour tables as Linux and Windows print them. The Windows ones are written down, not recorded from a run here."""

from __future__ import annotations

from pathlib import Path

import pytest
from haidang_agent.platform import linux
from haidang_agent.platform.neighbours import parse_windows

PROC = Path(__file__).parents[1] / "probes" / "data" / "proc"

ENGLISH = """\

Interface: 192.168.1.25 --- 0xb
  Internet Address      Physical Address      Type
  192.168.1.1           00-1d-aa-3c-5e-10     dynamic
  192.168.1.40          70-85-C2-91-0B-77     dynamic
  192.168.1.77          00-00-00-00-00-00     invalid
  192.168.1.255         ff-ff-ff-ff-ff-ff     static
  224.0.0.22            01-00-5e-00-00-16     static

Interface: 172.20.64.1 --- 0x1f
  Internet Address      Physical Address      Type
  172.20.79.255         ff-ff-ff-ff-ff-ff     static
"""
VIETNAMESE = """\

Giao diện: 192.168.1.25 --- 0xb
  Địa chỉ Internet      Địa chỉ Vật lý        Loại
  192.168.1.1           00-1d-aa-3c-5e-10     động
  192.168.1.40          70-85-c2-91-0b-77     động lực học
  224.0.0.22            01-00-5e-00-00-16     tĩnh
"""


def test_linux_gives_complete_entries_of_the_interface():
    """Not those that nobody answered, of another interface, or of hardware without addresses."""
    assert linux.neighbour_table(PROC, "eth0") == {
        "192.168.1.1": "00:1d:aa:3c:5e:10",
        "192.168.1.40": "70:85:c2:91:0b:77",
    }


@pytest.mark.parametrize("listing", [ENGLISH, VIETNAMESE, VIETNAMESE.encode().decode("cp437")])
def test_windows_gives_single_machines_in_any_display_language(listing):
    assert parse_windows(listing) == {"192.168.1.1": "00:1d:aa:3c:5e:10", "192.168.1.40": "70:85:c2:91:0b:77"}


@pytest.mark.parametrize("listing", ["", "No ARP Entries Found.\n", "1.2.3.4 a-b-c-d-e-f\n"[:8]])
def test_windows_with_an_empty_table(listing):
    assert parse_windows(listing) == {}
