"""`haidang-agent sweep` as a person types it, on wires with many machines."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_agent.discovery import mdns, netbios, upnp

from tests.agent.discovery.saying import first_of, instance, node_status, on, probe_match, services, ssdp
from tests.agent.lanwatch.building import dhcp_client, pcap
from tests.agent.namespaces import Namespace, run
from tests.agent.snmp.recording import RECORDINGS
from tests.agent.snmp.responder import Device, Responder
from tests.lab.lan import Host, Wire, pcs
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

AGENT = str(Path(sys.executable).parent / "haidang-agent")
OWN = "3c:52:82:00:00:01"
ROUTER, PHONE = "cc:2d:e0:00:00:01", "da:a1:19:00:00:09"
PRINTER, LAPTOP, CAMERA, TV = "3c:52:82:aa:00:01", "f0:18:98:00:00:01", "28:57:be:00:00:01", "54:60:09:00:00:01"


def sweep(wire: Wire, *words: str, language: str = "en") -> tuple[int, str, str]:
    environment = {"PATH": os.environ["PATH"], "HAIDANG_LANG": language, "HAIDANG_CONFIG": "/dev/null"}
    done = wire.command(AGENT, "sweep", *words, env=environment)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def devices(wire: Wire, *words: str) -> dict[str, dict]:
    _, out, _ = sweep(wire, "--json", *words)
    return {device["mac"]: device for device in json.loads(out)["devices"]}


def school() -> list[Host]:
    """One device of each kind, and what it says."""
    teacher = first_of(
        [
            on(netbios.PORT, node_status(("TEACHER", 0), ("TEACHER", 0x20))),
            on(upnp.WSD_PORT, probe_match("d:Device p:Computer")),
        ]
    )
    laptop = on(mdns.PORT, services("_ipp._tcp", "_workstation._tcp"), instance("_ipp._tcp", "Canon @ laptop"))
    return [
        Host("3c:52:82:bb:00:01", ("10.9.0.10",), teacher),
        Host(PRINTER, ("10.9.0.11", "10.9.0.12"), on(mdns.PORT, services("_ipp._tcp", "_http._tcp"))),
        Host(LAPTOP, ("10.9.0.13",), laptop),
        Host(CAMERA, ("10.9.0.14",)),
        Host(TV, ("10.9.0.15",), on(upnp.SSDP_PORT, ssdp("urn:dial-multiscreen-org:service:dial:1", "Linux UPnP/1.0"))),
        Host(PHONE, ("10.9.0.16",)),
        Host("00:00:5e:00:01:07", ("10.9.0.254",)),
    ]


@pytest.fixture(scope="module")
def wire() -> Iterator[Wire]:
    with Wire(pcs(3)) as made:
        yield made


def test_json_has_the_agreed_fields(wire):
    status, out, words = sweep(wire, "10.9.0.0/28", "--interface", "lan0", "--json")
    told = json.loads(out)

    assert (status, words, told["problems"]) == (0, "", [])
    assert told["devices"][1] == {
        "mac": "8c:ec:4b:00:00:00", "ips": ["10.9.0.2"], "vendor": "Dell", "class": "computer", "confidence": 0.75,
        "reasons": ["vendor Dell"], "randomised": False, "names": [], "seen_by": ["ARP"], "place": None, "macs": [],
    }  # fmt: skip


def test_a_person_reads_a_table(wire):
    status, out, words = sweep(wire, "10.9.0.0/28")

    assert (status, words) == (0, "")
    assert [line.rstrip() for line in out.splitlines()[:4]] == [
        "4 devices: 4 computer",
        "address   MAC                vendor           class     why",
        f"10.9.0.1  {OWN}  Hewlett Packard  computer  runs this agent",
        "10.9.0.2  8c:ec:4b:00:00:00  Dell             computer  vendor Dell",
    ]


def test_nobody_outside_the_named_networks_is_asked(wire):
    wire.stand_in.questions.clear()
    sweep(wire, "10.9.0.4/30")

    assert set(wire.stand_in.questions) <= {f"10.9.0.{number}" for number in range(4, 8)}


def test_each_kind_is_told_by_what_it_says():
    with Wire(school()) as wire:
        found = devices(wire, "10.9.0.0/24", "--thorough")

    assert {mac: device["class"] for mac, device in found.items()} == {
        OWN: "computer", "3c:52:82:bb:00:01": "computer", PRINTER: "printer", LAPTOP: "computer", CAMERA: "camera",
        TV: "display", PHONE: "unknown",
    }  # fmt: skip
    assert found[PRINTER]["ips"] == ["10.9.0.11", "10.9.0.12"]
    assert found[PRINTER]["reasons"] == ["mDNS service _ipp._tcp"]
    assert found["3c:52:82:bb:00:01"]["names"] == ["TEACHER"]
    assert (found[PHONE]["randomised"], found[PHONE]["vendor"]) == (True, None)


def test_explain_prints_the_evidence_of_each_verdict():
    with Wire(school()[:2]) as wire:
        _, out, _ = sweep(wire, "10.9.0.0/28", "--explain")
    lines = [line.strip() for line in out.splitlines()]

    assert "+ WS-Discovery type Computer" in lines
    assert "· WS-Discovery type Device" in lines
    assert "· vendor Hewlett Packard" in lines
    assert "= 10.9.0.12" in lines
    assert any(line.startswith("how sure: ") and line.endswith("known by: ARP") for line in lines)


def test_what_devices_say_reaches_the_terminal_without_control_characters():
    hostile = instance("_ipp._tcp", "\x1b[2Jprinter\r\nroot@", "ty=\x07" + "x" * 200)
    with Wire([Host(PRINTER, ("10.9.0.5",), on(mdns.PORT, services("_ipp._tcp"), hostile))]) as wire:
        _, out, _ = sweep(wire, "10.9.0.0/28", "--explain")

    assert "[2Jprinter root@" in out
    assert all(sign == "\n" or sign.isprintable() for sign in out)


def test_a_flood_of_answers_ends_in_time():
    def floods(came):
        return services(*(f"_s{number}._tcp" for number in range(15)))

    with Wire([Host(f"3c:52:82:aa:00:{number:02x}", (f"10.9.0.{number}",), floods) for number in range(2, 60)]) as wire:
        found = devices(wire, "10.9.0.0/26")

    assert len(found) == 59


def test_proxy_arp_is_one_device_and_a_problem():
    with Wire([*pcs(2), Host(ROUTER, ("10.9.0.254",), proxy=True)]) as wire:
        wire.agent.ip("route", "add", "default", "via", "10.9.0.254")
        status, out, words = sweep(wire, "10.9.0.0/24", "--json")
    told = json.loads(out)

    assert status == 1
    assert {device["mac"]: device["ips"] for device in told["devices"]} == {
        OWN: ["10.9.0.1"], "8c:ec:4b:00:00:00": ["10.9.0.2"], "8c:ec:4b:00:00:01": ["10.9.0.3"], ROUTER: ["10.9.0.254"],
    }  # fmt: skip
    assert told["problems"] == [words.strip()]
    assert words.startswith(f"{ROUTER} answers for 253 addresses of 10.9.0.0/24 (proxy ARP)")


def test_several_networks_on_several_interfaces():
    with Wire([*pcs(2), *pcs(2, "10.9.1.2", "8c:ec:4c")], ["10.9.0.1/28", "10.9.1.1/28"]) as wire:
        found = devices(wire, "10.9.0.0/28", "10.9.1.0/28", "10.9.1.0/28")

    assert len(found) == 5
    assert found[OWN]["ips"] == ["10.9.0.1", "10.9.1.1"]


@contextmanager
def two_machines() -> Iterator[tuple[Namespace, Namespace]]:
    """Real ones, 10.9.0.1 and 10.9.0.2, with IPv6 in use."""
    with Namespace() as one, Namespace() as other:
        one.ip("link", "add", "lan0", "address", OWN, "type", "veth", "peer", "lan0", "netns", other.name)
        for number, machine in enumerate((one, other), 1):
            machine.sysctl("net.ipv6.conf.all.accept_dad", "0")
            machine.sysctl("net.ipv6.conf.lan0.accept_dad", "0")
            machine.ip("address", "add", f"10.9.0.{number}/28", "dev", "lan0")
            machine.ip("link", "set", "lan0", "up")
        eventually("an IPv6 address", lambda: "tentative" not in other.ip("-6", "address", "show", "lan0"), seconds=5)
        yield one, other


@contextmanager
def other_process(machine: Namespace, code: str) -> Iterator[None]:
    """Python code that prints a line when it is ready, and ends with its input."""
    command = machine.command(sys.executable, "-c", code)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        process.stdout.readline()
        yield
        process.stdin.close()


def test_ipv6_neighbours_join_by_mac_address():
    """They answer the echo to all nodes."""
    with two_machines() as (one, _):
        told = json.loads(run(*one.command(AGENT, "sweep", "10.9.0.0/28", "--json")))
    (ips,) = [device["ips"] for device in told["devices"] if device["mac"] != OWN]

    assert ips[0] == "10.9.0.2"
    assert any(ip.startswith("fe80::") for ip in ips)


def test_open_ports_are_tried_only_where_that_was_asked_for():
    listener = "import socket; made = socket.create_server(('10.9.0.2', 9100)); print(flush=True); input()"
    with two_machines() as (one, other), other_process(other, listener):
        plain, tried = (
            json.loads(run(*one.command(AGENT, "sweep", "10.9.0.0/30", "--json", "--explain", *more)))["devices"][1]
            for more in ([], ["--ports"])
        )

    assert "port" not in dict(plain["evidence"])
    assert ["port", "9100"] in tried["evidence"]
    assert tried["class"] == "printer"
    assert "TCP port 9100 open" in tried["reasons"]


def test_a_router_tells_by_snmp_of_a_network_that_is_elsewhere():
    with Responder({"router": Device.read(RECORDINGS / "router.snmprec")}) as responder, Wire([]) as wire:
        done = subprocess.run(
            [AGENT, "sweep", "203.0.113.0/24", "--json", f"--snmp=127.0.0.1:{responder.port}", "--community=router"],
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        status, out, _ = sweep(wire, "203.0.113.0/24", "--json")
    told = json.loads(done.stdout)

    assert [(device["mac"], device["ips"], device["seen_by"]) for device in told["devices"]] == [
        ("02:00:00:00:ff:01", ["203.0.113.1"], ["ARP table of 127.0.0.1"])
    ]
    assert (done.returncode, told["problems"], done.stderr) == (0, [], "")
    assert (status, json.loads(out)["problems"]) == (
        1, ["203.0.113.0/24: no interface of this machine is in it, and no device tells of it by SNMP"],
    )  # fmt: skip


def test_a_router_that_does_not_answer_is_a_problem_and_keeps_its_secret(wire):
    status, out, words = sweep(wire, "10.9.0.0/29", "--snmp", "10.9.0.2", "--community", "s3cret", "--json")

    assert status == 1
    assert len(json.loads(out)["devices"]) == 4
    assert "10.9.0.2" in words
    assert "s3cret" not in words + out


def test_what_a_capture_has_heard_counts_too(wire, tmp_path):
    """Options 55 as Windows asks."""
    windows = dhcp_client(
        1, 7, "8c:ec:4b:00:00:01", options=[(55, bytes([1, 3, 6, 15, 31, 33, 43, 44, 46, 47, 121, 249, 252]))]
    )
    file = tmp_path / "lab.pcap"
    file.write_bytes(pcap([(0.0, windows)]))
    found = devices(wire, "10.9.0.0/28", "--capture", str(file))

    assert "DHCP options 1,3,6,15,31,33,43,44,46,47,121,249,252" in found["8c:ec:4b:00:00:01"]["reasons"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["10.9.0.0/33"], "'10.9.0.0/33' is no network"),
        (["lab-1"], "'lab-1' is no network"),
        (["10.0.0.0/16"], "10.0.0.0/16 is larger than /20; to look through it: --largest-prefix 16"),
        (["224.0.0.0/24"], "224.0.0.0/24 is no network of devices"),
        (["10.9.0.0/28", "--interface", "lan7"], "--interface: lan7 not here; there are lan0, lo"),
        (["10.9.0.0/28", "--pace", "0"], "--pace 0: must be above 0"),
        (["10.9.0.0/28", "--community", "c"], "--community needs --snmp"),
        (["10.9.0.0/28", "--snmp", "sw1:0"], "--snmp sw1:0: write as 10.20.0.1"),
        (["10.9.0.0/28", "--capture", "/nowhere.pcap"], "/nowhere.pcap: No such file"),
        ([], "usage: haidang-agent sweep"),
    ],
)
def test_bad_input_is_refused_with_the_fix(wire, words, message):
    status, out, told = sweep(wire, *words)

    assert (status, out) == (2, "")
    assert told.startswith(message)


def test_progress_is_told_on_a_terminal_only(wire):
    ours, theirs = pty.openpty()
    try:
        command = wire.agent.command(AGENT, "sweep", "10.9.0.0/24", "--quiet", "--pace", "400")
        subprocess.run(command, stdout=subprocess.DEVNULL, stderr=theirs, timeout=60, check=False)
        assert b"addresses asked" in os.read(ours, 4000)
    finally:
        os.close(ours)
        os.close(theirs)
