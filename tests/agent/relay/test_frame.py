"""A frame: read by the relay as it was sealed, by the centre too, and nothing else is one."""

from __future__ import annotations

import hashlib
from array import array

from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Batch
from haidang_agent.relay import frame as sealed
from haidang_collector.relay import frame as received
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.outboxes import AB

WHO = Credentials("k" * 43, "a-1", "U1")
BATCH = Batch([1, 2], AB, [1000, 2000], [array("d", [1.0, 2.0]), array("d", [3.0, 4.0])])
KEY_HASH = hashlib.sha256(WHO.key.encode()).hexdigest()


def test_both_sides_read_what_was_sealed() -> None:
    frame = sealed.seal(WHO, BATCH)
    label, theirs = sealed.read_label(frame), received.read(frame)

    assert (label.agent, label.newest_ms, label.samples) == ("a-1", 2000, 4)
    assert (theirs.agent, theirs.number) == (label.agent, label.frame)
    assert theirs.is_signed_by(KEY_HASH)
    assert not theirs.is_signed_by(hashlib.sha256(b"another").hexdigest())
    assert sealed.seal(WHO, BATCH) != frame, "each has a number of its own"
    assert WHO.key.encode() not in frame


@given(st.data())
def test_a_changed_frame_is_no_frame_of_that_agent(data) -> None:
    frame = bytearray(sealed.seal(WHO, BATCH))
    at = data.draw(st.integers(0, len(frame) - 1))
    frame[at] ^= data.draw(st.integers(1, 255))
    try:
        changed = received.read(bytes(frame))
    except received.BadFrameError:
        return
    assert not changed.is_signed_by(KEY_HASH)


@given(st.data())
def test_what_is_cut_off_or_longer_is_none_of_that_agent(data) -> None:
    frame = sealed.seal(WHO, BATCH)
    other = frame[: data.draw(st.integers(0, len(frame) - 1))] if data.draw(st.booleans()) else frame + b"\0"
    try:
        changed = received.read(other)
    except received.BadFrameError:
        return
    assert not changed.is_signed_by(KEY_HASH)


HEADS = st.sampled_from([b"", sealed.MAGIC, sealed.MAGIC + b'{"agent": "a-1", "frame": "' + b"0" * 32 + b'"'])
LINES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40),
    lambda inner: st.dictionaries(st.sampled_from(["agent", "frame", "newest_ms", "samples", "x"]), inner),
)


@given(HEADS, st.binary(max_size=400))
def test_any_bytes_are_judged(head: bytes, rest: bytes) -> None:
    for read, bad in ((sealed.read_label, sealed.BadFrameError), (received.read, received.BadFrameError)):
        try:
            found = read(head + rest)
        except bad:
            continue
        assert found.agent


@given(LINES)
def test_any_label_is_judged(line: object) -> None:
    content = sealed.MAGIC + repr(line).replace("'", '"').encode(errors="replace") + b"\n" + bytes(40)
    for read, bad in ((sealed.read_label, sealed.BadFrameError), (received.read, received.BadFrameError)):
        try:
            found = read(content)
        except bad:
            continue
        assert found.agent
        assert len(found.agent) <= 32


def test_proof_and_receipt_hold_for_one_frame_and_one_unit() -> None:
    one, other = sealed.seal(WHO, BATCH), sealed.seal(WHO, BATCH)
    said = {
        sign(key, frame) for sign in (sealed.proof, sealed.receipt) for key in (b"u1", b"u2") for frame in (one, other)
    }
    assert len(said) == 8
