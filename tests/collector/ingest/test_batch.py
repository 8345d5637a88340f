from __future__ import annotations

import time

import pytest
from haidang_collector.ingest.batch import Batch, Checker
from haidang_collector.ingest.refusal import Refusal
from haidang_collector.ingest.sketch import Sketch
from haidang_collector.registry.store import Identity
from haidang_collector.settings import Settings
from hypothesis import example, given
from hypothesis import strategies as st

from tests.collector import remote_write as rw

NOW = 1_795_000_000.0
SENDER = Identity("a-1", "TH-001", "Quận 1")
OURS = rw.label("agent", "a-1") + rw.label("district", "Quận 1") + rw.label("unit", "TH-001")


def check(message: bytes, **limits: float) -> Batch:
    return Checker(Settings(**limits)).check(rw.snappy(message), SENDER, NOW)  # type: ignore[arg-type]


def refusal(message: bytes, **limits: float) -> Refusal:
    with pytest.raises(Refusal) as refused:
        check(message, **limits)
    return refused.value


def answer(body: bytes) -> int:
    """The status that follows; 200 when it is taken."""
    try:
        Checker(Settings()).check(body, SENDER, NOW)
    except Refusal as refused:
        return refused.status
    return 200


def test_series_get_the_centres_labels_and_keep_their_samples() -> None:
    samples = [(1.5, NOW - 30), (float("nan"), NOW - 15), (0.0, NOW)]

    batch = check(rw.series([("__name__", "up"), ("wan", "1")], samples))

    points = b"".join(rw.sample(value, round(at * 1000)) for value, at in samples)
    assert batch.payload == rw.snappy(rw.field(1, rw.label("__name__", "up") + OURS + rw.label("wan", "1") + points))
    assert (batch.series, batch.samples, batch.newest) == (1, 3, NOW)


def test_the_stale_marker_passes_bit_by_bit() -> None:
    stale = b"\x12\x10\x09" + bytes.fromhex("020000000000f07f") + b"\x10" + rw.varint(round(NOW * 1000))

    batch = check(rw.field(1, rw.label("__name__", "up") + stale))

    assert batch.payload == rw.snappy(rw.field(1, rw.label("__name__", "up") + OURS + stale))


def test_exemplars_and_native_histograms_pass_untouched() -> None:
    exemplar = rw.field(3, rw.label("trace", "1") + b"\x11" + bytes(8))
    histogram = rw.field(4, b"\x08\x07" + b"\x78" + rw.varint(round(NOW * 1000)))

    batch = check(rw.field(1, rw.label("__name__", "up") + exemplar + histogram))

    assert batch.payload == rw.snappy(rw.field(1, rw.label("__name__", "up") + OURS + exemplar + histogram))
    assert (batch.samples, batch.newest) == (1, NOW)


def test_an_empty_request_is_sound() -> None:
    assert check(b"") == Batch(rw.snappy(b""), 0, 0, None, Sketch(), 0)


@pytest.mark.parametrize(
    ("at", "reason"),
    [
        (NOW - 30 * 86400, None),
        (NOW - 30 * 86400 - 0.001, "too_old"),
        (NOW + 300, None),
        (NOW + 300.001, "in_future"),
        (0.0, "too_old"),
        (-1.0, "too_old"),
        (-(2.0**53), "too_old"),
        (2.0**53, "in_future"),
    ],
)
def test_samples_are_of_the_window_borders_included(at: float, reason: str | None) -> None:
    message = rw.simple("good", 1, NOW) + rw.series([("__name__", "up"), ("wan", "1")], [(1, NOW), (1, at), (1, NOW)])

    if reason is None:
        assert check(message).samples == 4
        return
    refused = refusal(message)
    assert (refused.status, refused.reason) == (400, reason)
    assert refused.text.startswith('series 1 up{wan="1"}: sample of ')


def test_a_native_histogram_outside_the_window_is_refused() -> None:
    refused = refusal(rw.field(1, rw.label("__name__", "up") + rw.field(4, b"\x78\x01")))

    assert refused.reason == "too_old"


def test_a_label_among_the_samples_is_refused() -> None:
    """
    The store would take it for one of the series' labels: a way to say `unit` past our check.
    """
    smuggled = rw.field(1, rw.label("__name__", "up") + rw.sample(1, round(NOW * 1000)) + rw.label("unit", "evil"))

    assert refusal(smuggled).reason == "malformed"


def test_a_label_under_a_tag_that_go_cuts_to_32_bits_is_refused() -> None:
    """
    Go's decoder takes field number 2^32 + 1 for field 1.
    """
    disguised = rw.varint(1 << 35 | 0x0A) + rw.label("unit", "evil")[1:]
    message = rw.field(1, rw.label("__name__", "up") + rw.sample(1, round(NOW * 1000)) + disguised)

    assert refusal(message).reason == "malformed"


def test_the_refusal_names_the_series() -> None:
    bad = rw.series([("__name__", "up"), ("unit", "TH-002")], [(1, NOW)])

    refused = refusal(rw.simple("good", 1, NOW) * 2 + bad)

    assert refused.text.startswith("series 2 up{unit=\"TH-002\"}: label 'unit'")


@pytest.mark.parametrize(
    ("message", "limits"),
    [
        (rw.simple("up", 1, NOW) * 3, {"max_series": 2}),
        (rw.series([("__name__", "up")], [(1, NOW)] * 3), {"max_samples": 2}),
        (rw.simple("up", 1, NOW) * 3, {"max_samples": 2}),
        (rw.simple("up", 1, NOW), {"max_decoded_bytes": 20}),
        (rw.field(1, rw.label("__name__", "up") + b"\x12\x00" * (3 << 20)), {}),
    ],
)
def test_what_is_too_much_is_413_so_that_the_agent_sends_less(message: bytes, limits: dict[str, float]) -> None:
    assert refusal(message, **limits).status == 413


MUCH_SECONDS = 30
"""Of the processor. Usual is a tenth; what grew with the square of the labels would take hours."""


@pytest.mark.parametrize("kind", rw.HOSTILE)
def test_hostile_bodies_end_in_bounded_time(kind: str) -> None:
    body = rw.snappy(rw.HOSTILE[kind](rw.sample(1, round(NOW * 1000))))

    started = time.process_time()
    answer(body)

    assert time.process_time() - started < MUCH_SECONDS


@given(st.binary(max_size=400))
@example(b"")
def test_no_bytes_whatever_raise_anything_but_a_refusal(body: bytes) -> None:
    for tried in (body, rw.snappy(body), rw.snappy(rw.field(1, body)), rw.snappy(rw.field(1, rw.field(1, body)))):
        assert answer(tried) in (200, 400, 413)


SOUND = rw.snappy(
    rw.series([("__name__", "up"), ("wan", "1")], [(1, NOW), (2, NOW + 1)]) + rw.simple("down", 1, NOW, isp="VNPT")
)


@given(st.integers(0, len(SOUND)), st.integers(0, len(SOUND)), st.binary(max_size=8))
def test_a_sound_body_with_any_piece_replaced_is_taken_or_refused(start: int, stop: int, piece: bytes) -> None:
    assert answer(SOUND[:start] + piece + SOUND[stop:]) in (200, 400, 413)


PLAIN = rw.series([("__name__", "up"), ("wan", "1")], [(1, NOW), (2, NOW + 1)])


@given(st.integers(0, len(PLAIN)), st.integers(0, len(PLAIN)), st.binary(max_size=12))
def test_whatever_is_passed_on_bears_the_sender_s_labels_once(start: int, stop: int, piece: bytes) -> None:
    """
    Checked with a parser of the whole message, as the store does it.
    """
    broken = PLAIN[:start] + piece + PLAIN[stop:]
    try:
        batch = Checker(Settings()).check(rw.snappy(broken), SENDER, NOW)
    except Refusal:
        return
    for labels in rw.labels_of(batch.payload):
        assert labels == sorted(labels)
        assert [value for name, value in labels if name in ("agent", "district", "unit")] == ["a-1", "Quận 1", "TH-001"]


def test_a_day_of_backlog_and_a_live_request_are_checked_fast_enough() -> None:
    """
    A tenth of a day: 12 requests of 400 series and 60 samples. Aim 90 ms on an idle core; the limit here is slack.
    """
    layout = [[("__name__", f"metric_{n % 40}"), ("device", f"eth{n // 40}"), ("wan", "1")] for n in range(400)]
    times = [NOW - 60 * 15 + 15 * n for n in range(60)]
    body = rw.snappy(b"".join(rw.series(labels, [(1.5, at) for at in times]) for labels in layout))
    checker = Checker(Settings())

    started = time.process_time()
    for _ in range(12):
        checker.check(body, SENDER, NOW)

    assert time.process_time() - started < 1
