"""`haidang-agent wan` on the virtual school's router, beside an agent that runs and without one."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.agent.machines import Machine
from tests.agent.snmp.responder import Device, Responder
from tests.lab import VirtualSchool
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).with_name("snmp") / "recordings"
WITHOUT_RAW_FRAMES = ["setpriv", "--bounding-set=-net_raw,-setpcap", "--inh-caps=-net_raw"]


@pytest.fixture(scope="module")
def building() -> Iterator[VirtualSchool]:
    with VirtualSchool(pcs=1) as school:
        yield school


@pytest.fixture
def school(building: VirtualSchool) -> Iterator[VirtualSchool]:
    yield building
    building.repair_all()


def on_router(school: VirtualSchool, folder: Path, *, gateways: bool = True) -> Machine:
    machine = Machine(folder)
    tables = "".join(
        f'[[wan]]\nname = "{isp.wan}"\nisp = "{isp.isp}"\nmedium = "fibre"\ninterface = "{isp.wan}"\n'
        f"targets = {json.dumps([isp.target, school.common_target])}\n"
        + (f'gateway = "{isp.gateway}"\n' if gateways else "")
        for isp in school.isps.values()
    )
    machine.config.write_text(
        f'[agent]\nroles = ["router"]\nprobes = ["internet", "wan"]\nstate_dir = "{machine.state}"\n'
        f'listen = "127.0.0.1:{machine.port}"\npush_interval = "1s"\n'
        f"[probes.internet]\ntargets = {json.dumps(school.targets)}\n"
        f"[probes.wan]\nreferences = {json.dumps([school.centre_address])}\n{tables}"
    )
    machine.within = ["ip", "netns", "exec", school.router.name]
    return machine


def told(machine: Machine) -> dict:
    return json.loads(machine.command("wan", "--json")[1])


def metrics(school: VirtualSchool, machine: Machine) -> dict[str, float]:
    """By series. Raises ConnectionError while nobody answers."""
    asking = "import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())"
    url = f"http://127.0.0.1:{machine.port}/metrics"
    asked = school.router.run(sys.executable, "-c", asking, url)
    if asked.returncode:
        raise ConnectionError(asked.stderr)
    rows = (line.rsplit(" ", 1) for line in asked.stdout.splitlines() if line and not line.startswith("#"))
    return {series: float(value) for series, value in rows}


def snapshots(school: VirtualSchool, machine: Machine) -> float:
    return metrics(school, machine)["haidang_outbox_snapshots"]


def test_beside_a_running_agent(school, tmp_path):
    """All well, then a fibre is cut, and mended again: state, exit status, and the outage that is over."""
    machine = on_router(school, tmp_path)
    with machine.running():
        eventually("both up", lambda: [line["up"] for line in told(machine)["wan"]] == [True, True], seconds=15)
        well, _, words = machine.command("wan")
        line = told(machine)["wan"][0]
        school.cut_fibre("Viettel")
        eventually("it is seen", lambda: told(machine)["wan"][1]["up"] is False, seconds=5)
        status, table, complaints = machine.command("wan")
        in_vietnamese = machine.command("wan", language="vi")
        school.repair("Viettel")
        over = eventually(
            "it is over", lambda: [each for each in told(machine)["outages"] if each["ended"]], seconds=10
        )

    assert (well, words) == (0, "")
    assert (line["name"], line["isp"], line["interface"]) == ("wan1", "VNPT", "wan1")
    assert (line["active"], line["carrier"], line["medium"], line["evidence"]) == (True, True, "fibre", "declared")
    assert line["link_speed_bytes_per_second"] > 0
    assert 0 < line["rtt_seconds"] < 2
    assert (status, complaints) == (1, "wan2 (Viettel) is down\n")
    assert [row.split()[2] for row in table.splitlines()[:3]] == ["STATE", "up", "down"]
    assert in_vietnamese[0] == 1
    assert [row.split()[:2] for row in in_vietnamese[1].splitlines()[1:3]] == [["wan1", "VNPT"], ["wan2", "Viettel"]]
    (outage,) = over
    assert (outage["wan"], outage["cause"]) == ("wan2", "carrier")
    assert outage["began"] <= outage["ended"]
    assert 0.3 < outage["seconds"] < 300


def test_an_outage_goes_on_over_restarts_of_the_agent(school, tmp_path):
    """Stopped in order and killed: it is one outage, and the time without an agent is told by its reason."""
    machine = on_router(school, tmp_path)
    school.cut_fibre("Viettel")
    for ending in (signal.SIGTERM, signal.SIGKILL):
        with machine.running() as agent:
            eventually("the line is down", lambda: told(machine)["wan"][1]["up"] is False, seconds=15)
            eventually("an outage is kept", lambda: told(machine)["outages"], seconds=15)
            kept = eventually("it tells of itself", lambda: 1 + snapshots(school, machine), seconds=15)
            eventually(
                "that it is there is kept, too",
                lambda before=kept: snapshots(school, machine) > before,
                seconds=15,
            )
            agent.send_signal(ending)
            agent.wait(timeout=60)
    with machine.running():
        eventually("it runs again", lambda: told(machine)["wan"][1]["up"] is False, seconds=15)
        school.repair("Viettel")
        outages = eventually(
            "it is over", lambda: (found := told(machine)["outages"]) and found[0]["ended"] and found, seconds=10
        )
        shown = metrics(school, machine)

    assert [(each["wan"], each["cause"]) for each in outages] == [("wan2", "carrier")]
    assert shown['school_outages_total{cause="carrier",wan="wan2"}'] == 1
    assert shown['school_unobserved_seconds_total{reason="stopped"}'] > 0
    assert shown['school_unobserved_seconds_total{reason="crashed"}'] > 0
    assert shown['school_wan_receive_bytes_total{wan="wan1"}'] > 0


def test_without_an_agent_the_lines_are_looked_at(school, tmp_path):
    machine = on_router(school, tmp_path)
    status, out, words = machine.command("wan", "--json")
    found = json.loads(out)

    assert status == 0
    assert words.startswith("no agent answers (")
    assert [(line["up"], line["active"]) for line in found["wan"]] == [(True, True), (True, False)]
    assert (found["internet_up"], found["outages"], found["failovers"], found["problems"]) == (True, [], [], [])


def test_without_raw_frames_a_line_is_known_only_while_a_route_leads_by_it(school, tmp_path):
    """Unknown is neither up nor down."""
    machine = on_router(school, tmp_path)
    machine.within += WITHOUT_RAW_FRAMES
    found = told(machine)

    assert [(line["up"], line["carrier"]) for line in found["wan"]] == [(True, True), (None, True)]
    assert found["problems"] == []


def test_without_any_line_it_says_what_to_do_and_names_a_history_that_cannot_be_read(tmp_path):
    machine = Machine(tmp_path)
    machine.state.mkdir()
    (machine.state / "outbox.db").write_bytes(b"no database" * 1000)
    status, out, words = machine.command("wan")

    assert (status, out) == (1, "")
    assert "no [[wan]] is configured" in words
    assert "past outages cannot be read" in words


def test_a_stranger_may_ask_though_the_past_is_not_his_to_read(school, tmp_path):
    machine = on_router(school, tmp_path)
    machine.state.mkdir(parents=True, exist_ok=True)
    (machine.state / "outbox.db").touch()
    machine.state.chmod(0o700)
    os.chown(machine.state, 65534, 65534)
    without = "-dac_override,-dac_read_search"
    machine.within = [*machine.within, "setpriv", f"--bounding-set={without}", f"--inh-caps={without}"]
    with machine.config.open("a") as more:
        more.write('[[wan]]\nname = "typed"\nisp = "FPT"\ninterface = "wan9"\n')

    problems = told(machine)["problems"]

    assert any("past outages cannot be read" in problem for problem in problems)
    assert any("typed: this machine has no interface wan9" in problem for problem in problems)


def test_lines_of_a_router_that_speaks_snmp_are_proposed(tmp_path):
    """As tables for agent.toml, where [[snmp]] says of no interface which line it is."""
    machine = Machine(tmp_path)
    with Responder({"school": Device.read(RECORDINGS / "router.snmprec")}) as router:
        machine.config.write_text(
            f'[agent]\nroles = ["site"]\nprobes = ["wan"]\nstate_dir = "{machine.state}"\nlisten = ""\n'
            f'[[snmp]]\nhost = "127.0.0.1"\nport = {router.port}\ncommunity = "school"\n'
        )
        status, proposed, _ = machine.command("wan", "--json")
        _, shown, _ = machine.command("wan")

    found = json.loads(proposed)["proposals"]
    assert status == 1
    assert found
    assert {each["device"] for each in found} == {"127.0.0.1"}
    assert f'wan_interfaces = {{ "{found[0]["interface"]}" = "wan1" }}' in shown
