"""What is understood of devices' own words, and that none of them, however strange, upsets the reader."""

from __future__ import annotations

import struct
import time

import pytest
from haidang_agent.discovery import dhcp, mdns, netbios, upnp
from haidang_agent.discovery.evidence import LONGEST_TEXT, MOST_OF_A_SOURCE, Evidence, Sign, clean
from haidang_agent.discovery.hearing import READERS, learn
from haidang_agent.lanwatch.protocols import MalformedError
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.discovery import saying
from tests.agent.lanwatch.building import bootp

CLIENT = "8c:ec:4b:00:00:01"


def test_mdns_service_types():
    assert list(mdns.read(saying.services("_ipp._tcp", "_http._tcp"))) == [
        Sign("mdns", "_ipp._tcp"),
        Sign("mdns", "_http._tcp"),
    ]


def test_an_instance_tells_its_name_and_model():
    said = saying.instance("_ipp._tcp", "Brother HL-L2350DW", "rp=ipp/print", "ty=Brother HL-L2350DW series")

    assert list(mdns.read(said)) == [
        Sign("mdns", "_ipp._tcp"),
        Sign("name", "Brother HL-L2350DW"),
        Sign("model", "Brother HL-L2350DW series"),
    ]


def test_a_printer_that_a_computer_shares_is_not_the_computer():
    assert Sign("shared", "_ipp._tcp") in list(mdns.read(saying.instance("_ipp._tcp", "Canon @ lab1-teacher")))


def test_the_question_for_services_is_that_of_dns_sd():
    """RFC 6763, section 9; RFC 1035, section 4."""
    assert mdns.question() == bytes.fromhex("0000 0000 0001 0000 0000 0000") + (
        b"\x09_services\x07_dns-sd\x04_udp\x05local\0" + bytes.fromhex("000c 0001")
    )


def test_questions_tell_nothing_of_who_asks():
    assert list(mdns.read(mdns.question(["_ipp._tcp"]))) == []


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" + bytes(10),  # a name that points at itself
        struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0e\xc0\x0c" + bytes(10),  # two at each other
        struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0) + b"\x3fabc",  # a label beyond the end
        struct.pack("!HHHHHH", 0, 0x8400, 0, 1, 0, 0) + (b"\x3f" + b"a" * 63) * 5 + bytes(20),  # a name of 320 bytes
    ],
)
def test_names_that_go_in_circles_or_nowhere_are_malformed(message):
    with pytest.raises(MalformedError):
        list(mdns.read(message))


def test_what_came_before_the_fault_is_kept():
    evidence = Evidence()
    learn(evidence, mdns.PORT, struct.pack("!HHHHHH", 0, 0x8400, 0, 9, 0, 0) + saying.services("_ipp._tcp")[12:])

    assert evidence.of("mdns") == ("_ipp._tcp",)


def test_netbios_names_that_a_machine_holds():
    said = saying.node_status(("LAB1-PC07", 0x00), ("WORKGROUP", 0x1E), ("LAB1-PC07", 0x20))

    assert list(netbios.read(said)) == [
        Sign("netbios", "unique 00"),
        Sign("name", "LAB1-PC07"),
        Sign("netbios", "group 1e"),
        Sign("netbios", "unique 20"),
        Sign("name", "LAB1-PC07"),
    ]


def test_the_node_status_request_is_that_of_rfc_1002():
    assert netbios.question() == (
        bytes.fromhex("0000 0000 0001 0000 0000 0000 20") + b"CK" + b"A" * 30 + bytes.fromhex("00 0021 0001")
    )


def test_ssdp_answers_tell_type_and_program():
    said = saying.ssdp("urn:schemas-upnp-org:device:Printer:1", "Linux/3.1 UPnP/1.0 Printer/2")

    assert list(upnp.read_ssdp(said)) == [
        Sign("upnp", "urn:schemas-upnp-org:device:Printer:1"),
        Sign("server", "Linux/3.1 UPnP/1.0 Printer/2"),
    ]


def test_what_a_search_looks_for_is_not_what_the_searcher_is():
    search = (
        b"M-SEARCH * HTTP/1.1\r\nST: urn:schemas-upnp-org:device:Printer:1\r\nUSER-AGENT: Chrome/90 Windows\r\n\r\n"
    )

    assert list(upnp.read_ssdp(search)) == [Sign("server", "Chrome/90 Windows")]
    assert list(upnp.read_wsd(upnp.wsd_question())) == []


def test_ws_discovery_types_without_their_name_spaces():
    assert list(upnp.read_wsd(saying.probe_match("wsdp:Device pub:Computer"))) == [
        Sign("wsd", "Device"),
        Sign("wsd", "Computer"),
    ]


def test_a_dhcp_client_is_known_by_how_it_asks():
    options = [(55, bytes([1, 3, 6])), (60, b"MSFT 5.0"), (12, b"LAB1-PC07")]
    client = dhcp.read(bootp(1, 7, CLIENT, options=options))

    assert client == dhcp.Client(
        CLIENT, (Sign("dhcp_options", "1,3,6"), Sign("dhcp_class", "MSFT 5.0"), Sign("name", "LAB1-PC07"))
    )
    assert dhcp.read(bootp(2, 7, CLIENT, options=options)) is None


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("  lab\x1b[31m-1\r\n\x00 ", "lab [31m-1"),
        ("phòng \u202e tin học", "phòng tin học"),
        (b"ph\xc3\xb2ng", "phòng"),
        (b"caf\xe9", "café"),
        ("a" * 70_000, "a" * LONGEST_TEXT),
        ("é".encode() * 70_000, "é" * LONGEST_TEXT),
    ],
)
def test_texts_of_devices_are_short_and_harmless(told, shown):
    assert clean(told) == shown


@given(st.text() | st.binary())
def test_no_text_keeps_a_control_character(told):
    shown = clean(told)

    assert shown.isprintable()
    assert len(shown) <= LONGEST_TEXT


def test_a_flood_of_names_is_bounded():
    evidence = Evidence(Sign("name", f"pc-{number}") for number in range(100_000))

    assert len(evidence.of("name")) == MOST_OF_A_SOURCE


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=400))
def test_no_datagram_upsets_a_reader(port, noise):
    learn(Evidence(), port, noise)
    learn(Evidence(), port, noise[:2] + b"\x84\x00" + noise[4:])


@given(st.binary(max_size=400))
def test_no_dhcp_message_upsets_its_reader(noise):
    assert dhcp.read(noise) is None
    dhcp.read(bootp(1, 7, CLIENT)[:-1] + noise)


@pytest.mark.parametrize("port", sorted(READERS))
def test_64_kb_of_a_hostile_datagram_are_read_at_once(port):
    hostile = {
        mdns.PORT: struct.pack("!HHHHHH", 0, 0x8400, 0, 0xFFFF, 0xFFFF, 0xFFFF)
        + saying.services("_ipp._tcp")[12:] * 900,
        netbios.PORT: saying.node_status(*[("X", 0)] * 255) + bytes(60_000),
        upnp.SSDP_PORT: b"NOTIFY * HTTP/1.1\r\n" + b"NT: urn:x\r\n" * 6000,
        upnp.WSD_PORT: b"/discovery/Hello<" + b"<Types " * 9000,
    }[port]
    began = time.process_time()
    learn(Evidence(), port, hostile)

    assert time.process_time() - began < 0.1
