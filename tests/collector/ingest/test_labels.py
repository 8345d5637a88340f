from __future__ import annotations

import re

import pytest
from haidang_collector.ingest.labels import LABEL_NAME, OURS, RESERVED, LabelBook, cut, readable
from haidang_collector.ingest.refusal import Refusal
from hypothesis import given
from hypothesis import strategies as st

from tests.collector import remote_write as rw

names = st.from_regex(re.compile(LABEL_NAME.pattern.decode()), fullmatch=True).filter(
    lambda name: name.encode() not in RESERVED and not name.startswith("__") and len(name) <= 256
)
values = st.text(min_size=1, max_size=50).filter(lambda text: text.isprintable())


def encoded(*pairs: tuple[str | bytes, str | bytes]) -> bytes:
    return b"".join(rw.label(*pair) for pair in pairs)


@given(st.dictionaries(names, values))
def test_the_cuts_leave_the_labels_sorted_with_ours_between(labels: dict[str, str]) -> None:
    pairs = sorted((labels | {"__name__": "up"}).items())
    ours = {name.decode(): "x" for name in OURS}

    before, second, third, after = cut(encoded(*pairs))

    whole = before + rw.label("agent", "x") + second + rw.label("district", "x") + third + rw.label("unit", "x") + after
    assert whole == encoded(*sorted((dict(pairs) | ours).items()))


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([("wan", "1")], "no label '__name__'"),
        ([], "no label '__name__'"),
        ([("__name__", "up"), ("wan", "1"), ("isp", "2")], "'isp' comes after 'wan'"),
        ([("__name__", "up"), ("wan", "1"), ("wan", "1")], "'wan' comes after 'wan'"),
        ([("__name__", "up"), ("wan", "")], "'wan' has an empty value"),
        ([("__name__", "")], "'__name__' has an empty value"),
        ([("__name__", "up-down")], "'up-down' is no metric name"),
        ([("__name__", "1up")], "'1up' is no metric name"),
        ([("__name__", "up\n")], "is no metric name"),
        ([("__name__", "up"), ("wan:isp", "1")], "'wan:isp' is no label name"),
        ([("__name__", "up"), ("tên", "1")], "is no label name"),
        ([("", "x"), ("__name__", "up")], "'' is no label name"),
        ([("__name__", "up"), ("__tenant__", "1")], "begins with __"),
        ([("__name__", "up"), ("wan", b"\xff\xfe")], "no UTF-8 at byte 0"),
        ([("__name__", "up"), ("wan", b"a\xed\xa0\x80")], "no UTF-8 at byte 1"),
        ([("__name__", "up"), ("wan", "x" * 2049)], "value of 2049 bytes"),
        ([("__name__", "up"), ("w" * 257, "x")], "is no label name"),
        ([("__name__", "u" * 257)], "is no metric name"),
    ],
)
def test_bad_labels_are_refused_by_name(pairs: list[tuple[str, str]], text: str) -> None:
    with pytest.raises(Refusal, match=re.escape(text)) as refused:
        cut(encoded(*pairs))

    assert (refused.value.status, refused.value.reason) == (400, "label")


@pytest.mark.parametrize("name", ["unit", "district", "agent", "job", "instance"])
def test_an_agent_may_not_say_who_it_is(name: str) -> None:
    with pytest.raises(Refusal, match=f"label '{name}'") as refused:
        cut(encoded(*sorted([("__name__", "up"), (name, "x")])))

    assert (refused.value.status, refused.value.reason) == (400, "reserved_label")


@pytest.mark.parametrize("broken", [rw.field(1, b"\x0a\x09a"), rw.field(1, b"\x0b" * 300), b"\xff"])
def test_labels_that_are_no_protobuf_are_malformed(broken: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        cut(broken)

    assert refused.value.reason == "malformed"
    assert readable(broken) == ""


def test_a_known_label_set_is_not_looked_at_again() -> None:
    book = LabelBook()
    labels = encoded(("__name__", "up"), ("wan", "1"))

    assert book.cut(labels) is book.cut(bytes(bytearray(labels)))


def test_long_label_sets_are_not_remembered() -> None:
    """
    Otherwise an agent could fill the collector's memory.
    """
    book = LabelBook()
    labels = encoded(("__name__", "up"), ("wan", "1" * 600))

    assert book.cut(labels) is not book.cut(labels)
    assert book.cut(labels) == cut(labels)


def test_a_refused_label_set_stays_refused() -> None:
    book = LabelBook()
    for _ in range(2):
        with pytest.raises(Refusal):
            book.cut(encoded(("unit", "x")))


def test_error_texts_show_the_series() -> None:
    assert readable(encoded(("__name__", "up"), ("isp", "VNPT"))) == 'up{isp="VNPT"}'
