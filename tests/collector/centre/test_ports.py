from __future__ import annotations

from contextlib import suppress

import pytest
from haidang_collector.centre.ports import BadPortsError, asked_ports, parse_ports
from haidang_reach.address import parse
from hypothesis import given
from hypothesis import strategies as st

SPANS = st.tuples(st.integers(1, 65535), st.integers(1, 65535)).map(sorted)


@given(st.lists(SPANS, min_size=1, max_size=5), st.integers(0, 65535))
def test_what_was_written_is_asked_and_nothing_else(spans: list[list[int]], port: int) -> None:
    ports = parse_ports(", ".join(f"{first}-{last}" for first, last in spans))

    assert (port in ports) == any(first <= port <= last for first, last in spans)
    assert parse_ports(str(ports)) == ports


@given(st.text(max_size=20))
def test_any_text_is_a_list_or_is_none(text: str) -> None:
    with suppress(BadPortsError):
        assert 0 not in parse_ports(text)


@pytest.mark.parametrize("text", ["", "0", "65536", "443-80", "80,,443", "80;443", "-1", "٨٠"])
def test_what_is_no_list(text: str) -> None:
    with pytest.raises(BadPortsError, match="is no port"):
        parse_ports(text)


def test_the_operator_may_widen_it() -> None:
    wider = asked_ports({"HAIDANG_PORTAL_PORTS": "80,443,8000-8999"})

    assert str(wider) == "80, 443, 8000-8999"
    assert asked_ports({}).refuse(parse("https://x.example:8888/"))
    assert not wider.refuse(parse("https://x.example:8888/"))


@pytest.mark.parametrize(
    "url", ["https://x.example/", "http://127.0.0.1:22/", "http://10.0.0.1:22/", "http://[fe80::1]:22/"]
)
def test_usual_ports_and_private_addresses_are_not_refused(url: str) -> None:
    assert not asked_ports({}).refuse(parse(url))
