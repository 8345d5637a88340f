"""Addresses are read or refused, whatever stands there; none holds what would break a request."""

from __future__ import annotations

import pytest
from haidang_reach.address import parse, proxy_at
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(max_size=60) | st.from_regex(r"(https?:)?//[a-zé0-9.:\[\]@%-]{0,20}(/[ -~]{0,20})?", fullmatch=True)


@given(TEXTS, TEXTS)
def test_anything_is_an_address_or_refused(url: str, location: str) -> None:
    try:
        address = parse(url).towards(location)
    except ValueError:
        return
    said = f"{address.target} {address.authority}"
    assert said.isascii()
    assert said.isprintable()
    assert said.count(" ") == 1
    assert parse(str(address)) == address


@pytest.mark.parametrize(("url", "shown"), [
    ("https://thcs.example", "https://thcs.example/"), ("http://[2001:db8::1]:8080/a b?c=đ", "http://[2001:db8::1]:8080/a%20b?c=%C4%91"),
    ("https://trường.example:443/#x", "https://xn--trng-rib8295b.example/"),
])  # fmt: skip
def test_as_it_is_asked_for(url: str, shown: str) -> None:
    assert str(parse(url)) == shown


@pytest.mark.parametrize(
    "url",
    [
        "thcs.example",
        "ftp://a.example/",
        "https://u:secret@a.example/",
        "https://a b/",
        "http://a:99999/",
        "https://" + "x" * 5000,
        "https://.example/",
    ],
)
def test_what_is_none(url: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - its text is for people
        parse(url)

    assert "secret" not in str(refused.value)


def test_a_proxy() -> None:
    assert proxy_at("proxy", "") is None
    assert str(proxy_at("proxy", "http://10.0.0.1:3128")) == "http://10.0.0.1:3128/"
    with pytest.raises(ValueError, match=r"proxy: .*HTTP"):
        proxy_at("proxy", "https://10.0.0.1:3128")
