"""A printer's supplies, trays and faults; what a level of -3 or -2 is, and who is no printer."""

import json
from string import printable

import pytest
from haidang_agent.snmp.printer import Supply, read_printer
from haidang_agent.snmp.session import ObjectId
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.snmp.recording import RECORDINGS, Recording, expectations, recording_of

SOME_REMAINS = -3


def test_reads_a_printer():
    printer = read_printer(Recording.read(RECORDINGS / "own_printer.snmprec"))

    assert (printer.model, printer.serial) == ("Canon MF445dw", "X1Y00042")
    assert (printer.status, printer.errors) == ("idle", ["no_paper", "jammed", "overdue_maintenance"])
    assert (printer.page_count, printer.page_unit, printer.display) == (18423, "impressions", "Ready to print.")
    assert printer.supplies == [
        Supply("Canon Cartridge 057 Black", "toner_cartridge", 37, "level", None),
        Supply("Drum", "opc", 75, "level", 23000),
        Supply("Waste Toner", "waste_toner", None, "some", None),
        Supply("Cleaning Roller", None, None, "unknown", 5000),
    ]
    assert printer.trays == [
        Supply("Drawer 1", "input", None, "some", 250),
        Supply("Multi-Purpose Tray", "input", 0, "level", 100),
    ]


def test_a_server_with_print_queues_is_no_printer():
    queues = {"1.3.6.1.2.1.25.3.2.1.2.1": ObjectId("1.3.6.1.2.1.25.3.1.5"), "1.3.6.1.2.1.25.3.5.1.1.1": 3}

    assert read_printer(Recording(queues)) is None


@pytest.mark.parametrize("expected", expectations("printer_supplies"), ids=lambda path: path.stem)
def test_supplies_agree_with_another_reader(expected):
    """LibreNMS calls -3 ("some remains") 50 %, and an empty tray full: there we say what the printer says."""
    recording = Recording.read(recording_of(expected))
    printer = read_printer(recording)
    told = json.loads(expected.read_text())["printer_supplies"]
    of_mib = [row for row in told if row["supply_oid"].startswith(".1.3.6.1.2.1.43.11.")]
    levels = {row["supply_oid"].strip("."): row for row in of_mib}

    raw = recording.get(list(levels))
    sure = {oid: row for oid, row in levels.items() if raw[oid] != SOME_REMAINS}
    ours = {(supply.description, supply.percent) for supply in printer.supplies}
    assert len(printer.supplies) >= len(of_mib) > 0
    assert {(row["supply_descr"], row["supply_current"]) for row in sure.values()} <= ours
    assert all(supply.percent is not None for supply in printer.supplies if supply.state == "level")


VALUES = st.one_of(
    st.integers(-(2**63), 2**64), st.binary(max_size=40), st.text(printable, max_size=20).map(str.encode)
)
PLACES = st.tuples(
    st.sampled_from(["43.11.1.1", "43.8.2.1", "43.16.5.1.2", "43.10.2.1", "43.5.1.1", "25.3.5.1", "25.3.2.1"]),
    st.integers(1, 20),
    st.integers(0, 3),
    st.integers(0, 3),
).map(lambda place: "1.3.6.1.2.1." + ".".join(map(str, place)))


@given(st.dictionaries(PLACES, VALUES, max_size=40))
def test_whatever_a_printer_sends_no_level_is_made_up(rows):
    printer = read_printer(Recording(rows))

    for supply in [] if printer is None else [*printer.supplies, *printer.trays]:
        assert supply.percent is None or 0 <= supply.percent <= 100
        assert (supply.percent is not None) == (supply.state == "level")
