"""Forged name answers and UDP floods, and the retransmissions, streams and calls that are none."""

from __future__ import annotations

import struct

import pytest

from tests.agent.lanwatch.building import EVERYBODY, datagram, dns, found, look, name, netbios

PC, RESOLVER, EVIL = ("00:1f:16:00:10:02", "10.0.0.2"), ("3c:52:82:00:00:01", "10.0.0.1"), "00:0c:29:00:20:66"
TRUE, FALSE = "203.0.113.5", "10.6.6.6"
WARNING, CRITICAL = [("dns_spoof", "warning")], [("dns_spoof", "critical")]


def question(number: int, asked: str = "smas.edu.vn", port: int = 5000) -> bytes:
    return datagram((*PC, port), (*RESOLVER, 53), dns(number, asked))


def answer(
    number: int, *found_addresses: str, asked: str = "smas.edu.vn", card: str = RESOLVER[0], code: int = 0
) -> bytes:
    content = dns(number, asked, found_addresses, response=True, code=code)
    return datagram((card, RESOLVER[1], 53), (*PC, 5000), content)


def test_two_answers_that_contradict_each_other():
    (incident,) = look([(0, question(7)), (0.01, answer(7, FALSE, card=EVIL)), (0.05, answer(7, TRUE))]).incidents

    assert (incident.kind, incident.severity) == CRITICAL[0]
    assert incident.subject == {"client": PC[1], "server": RESOLVER[1], "name": "smas.edu.vn", "mac": RESOLVER[0]}
    assert incident.evidence.told(str).endswith(f"{FALSE} and {TRUE}")


def test_an_answer_where_there_should_be_none():
    assert found([(0, question(7)), (0.01, answer(7, FALSE)), (0.05, answer(7, code=3))]) == CRITICAL


def test_one_answer_with_a_wrong_number_is_a_warning_many_are_an_attack():
    assert found([(0, question(7)), (0.01, answer(8, FALSE)), (0.05, answer(7, TRUE))]) == WARNING
    assert found([(0, question(7)), *((0.01, answer(number, FALSE)) for number in range(100, 150))]) == CRITICAL


@pytest.mark.parametrize(
    "frames",
    [
        [(0, question(7)), (0.1, answer(7, TRUE)), (0.2, answer(7, TRUE))],
        [(0, question(7)), (0.1, answer(7, TRUE, "203.0.113.6")), (0.2, answer(7, "203.0.113.6", "203.0.113.7"))],
        [(0, question(7)), (2, question(7)), (2.1, answer(7, TRUE)), (2.2, answer(7, "198.51.100.7"))],
        [(0, question(7)), (0.1, answer(7, code=2)), (0.2, answer(7, TRUE))],
        [(0, answer(6, TRUE)), (1, answer(9, FALSE)), (2, question(7)), (2.1, answer(7, TRUE))],
        [(0, question(7)), (0.1, answer(7, TRUE)), (5, answer(8, FALSE))],
        [(0, question(7)), (0.1, answer(8, FALSE, asked="moet.gov.vn")), (0.2, answer(7, TRUE))],
        [(0, question(7)), (30, question(9)), (30.1, answer(9, FALSE)), (30.2, answer(7, TRUE))],
    ],
    ids=[
        "the same twice", "rotated", "asked twice, a CDN answers differently", "failed, then not",
        "asked before the capture", "already answered", "another name", "late",
    ],
)  # fmt: skip
def test_answers_that_are_as_they_should_be(frames):
    assert found(frames) == []


def test_a_busy_resolver_with_one_port_is_not_guessed_at():
    frames = [(count / 100, question(count, port=5000)) for count in range(200)]
    frames += [(3 + count / 100, answer(count, TRUE)) for count in range(200)]

    assert found(frames) == []


def everybody(port: int, content: bytes) -> bytes:
    group = ("01:00:5e:00:00:fc", "224.0.0.252") if port == 5355 else (EVERYBODY, "10.0.0.255")
    return datagram((*PC, port), (*group, port), content)


def told(port: int, content: bytes, who: str = EVIL) -> bytes:
    return datagram((who, "10.0.0.66", port), (*PC, port), content)


def test_who_answers_every_name_is_no_neighbour():
    frames = []
    for number, asked in enumerate(["fileservr", "intranett", "printer5"]):
        frames += [(number, everybody(5355, dns(number, asked)))]
        frames += [(number + 0.1, told(5355, dns(number, asked, ["10.0.0.66"], response=True)))]
    (incident,) = look(frames).incidents

    assert (incident.kind, incident.severity, incident.subject) == ("dns_spoof", "critical", {"mac": EVIL})
    assert "fileservr, intranett, printer5" in incident.evidence.told(str)


def test_wpad_and_another_name_over_netbios():
    frames = []
    for number, asked in enumerate(["WPAD", "FILESERVR"]):
        frames += [
            (number, everybody(137, netbios(number, asked))),
            (number + 0.1, told(137, netbios(number, asked, "10.0.0.66"))),
        ]

    assert found(frames) == CRITICAL


def test_a_machine_answers_for_itself_its_alias_and_its_work_group():
    frames = []
    for number, (asked, suffix) in enumerate(
        [("PC-02", 0x00), ("PC-02", 0x20), ("NAS", 0x20), ("LOP7A", 0x1B), ("LOP7A", 0x1D)]
    ):
        frames += [(number, everybody(137, netbios(number, asked, suffix=suffix)))]
        frames += [(number + 0.1, told(137, netbios(number, asked, "10.0.0.66", suffix=suffix)))]

    assert found(frames) == []


def test_a_wins_server_answers_who_asks_it():
    frames = []
    for number in range(20):
        ask = datagram((*PC, 137), (EVIL, "10.0.0.66", 137), netbios(number, f"PC-{number}"))
        frames += [(number, ask), (number + 0.1, told(137, netbios(number, f"PC-{number}", "10.0.0.9")))]

    assert found(frames) == []


def test_mdns_probing_and_reflecting_is_no_forgery():
    frames = []
    for number in range(20):
        content = (
            struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0)
            + name(f"pc{number}.local")
            + struct.pack("!HHIH", 1, 1, 60, 4)
            + bytes(4)
        )
        frames.append(
            (number, datagram((EVIL, "10.0.0.66", 5353), ("01:00:5e:00:00:fb", "224.0.0.251", 5353), content))
        )

    assert found(frames) == []


def sent(
    count: int, *, source: int = 4000, destination: int = 80, content: bytes = b"x" * 64, host: str = "10.0.0.66"
) -> bytes:
    return datagram((EVIL, host, source), (*RESOLVER, destination), content or struct.pack("!I", count) * 20)


def test_floods_of_every_make():
    """Ports that run, senders that are invented, one packet again and again, or sheer speed."""
    ports = [(count / 1000, sent(count, source=1024 + count, content=b"")) for count in range(2000)]
    senders = [
        (count / 1000, sent(count, host=f"172.16.{count >> 8}.{count & 255}", content=b"")) for count in range(2000)
    ]
    same = [(count / 1000, sent(count)) for count in range(2000)]
    speed = [(count / 20000, sent(count, content=b"")) for count in range(20000)]

    for frames in (ports, senders, same, speed):
        assert found(frames) == [("udp_flood", "critical")]


def test_a_flood_names_its_only_sender():
    (incident,) = look([(count / 1000, sent(count)) for count in range(2000)]).incidents

    assert incident.subject == {"ip": RESOLVER[1], "senders": "1", "mac": EVIL, "source_ip": "10.0.0.66"}


def test_streams_calls_and_quic_are_none():
    stream = [(count / 2000, sent(count, content=b"")) for count in range(6000)]
    quic = []
    for count in range(6000):
        quic.append((count / 6000, datagram((EVIL, "8.8.8.8", 443), (*PC, 5000), struct.pack("!I", count) * 300)))
        if count % 4 == 0:
            quic.append((count / 6000, datagram((*PC, 5000), (EVIL, "8.8.8.8", 443), struct.pack("!I", count))))
    to_group = ("01:00:5e:01:01:01", "239.1.1.1", 5004)
    group = [
        (count / 5000, datagram((EVIL, "10.0.0.66", 5004), to_group, bytes(1300) + struct.pack("!I", count)))
        for count in range(5000)
    ]

    for frames in (stream, quic, group):
        assert found(frames) == []


def test_a_school_that_asks_its_resolver_all_at_once():
    frames = []
    for count in range(2000):
        client = ("00:1f:16:00:10:02", f"10.0.0.{count % 200}", 1024 + count)
        frames += [(count / 1000, datagram(client, (*RESOLVER, 53), dns(count, "a.vn")))]
        frames += [(count / 1000, datagram((*RESOLVER, 53), client, dns(count, "a.vn", [TRUE], response=True)))]

    assert found(frames) == []
