"""What counts as an answer to an ARP question."""

from __future__ import annotations

import pytest
from haidang_agent.platform.arp import BROADCAST, ETHERNET_IPV4, FRAME, REPLY, REQUEST, Answers
from hypothesis import given
from hypothesis import strategies as st

MINE, MY_ADDRESS = bytes.fromhex("020000000001"), bytes([10, 9, 0, 1])
THEIRS, THEIR_ADDRESS = bytes.fromhex("020000000002"), bytes([10, 9, 0, 2])
SOUND = {
    "operation": REPLY, "mac": THEIRS, "sender": THEIR_ADDRESS, "target": MY_ADDRESS, "kind": ETHERNET_IPV4,
}  # fmt: skip


def asked() -> Answers:
    answers = Answers(MINE, MY_ADDRESS)
    answers.question(THEIR_ADDRESS)
    return answers


def frame(**changes: object) -> bytes:
    fields = SOUND | changes
    addressed = (fields["mac"], fields["sender"], MINE, fields["target"])
    return FRAME.pack(MINE, THEIRS, *fields["kind"], fields["operation"], *addressed)


def test_the_question_is_an_ethernet_broadcast_of_42_bytes():
    """RFC 826, byte by byte."""
    packed = FRAME.pack(*Answers(MINE, MY_ADDRESS).question(THEIR_ADDRESS))

    assert packed == bytes.fromhex(
        "ffffffffffff 020000000001 0806 0001 0800 06 04 0001 020000000001 0a090001 000000000000 0a090002"
    )


@pytest.mark.parametrize("padding", [b"", bytes(18)])
def test_a_reply_counts_padded_or_not(padding):
    answers = asked()

    answers.take(frame() + padding)

    assert answers.macs == {THEIRS}


@pytest.mark.parametrize(
    "change",
    [
        {"operation": REQUEST},
        {"target": bytes([10, 9, 0, 7])},
        {"sender": bytes([10, 9, 0, 3])},
        {"sender": bytes([192, 168, 0, 2])},
        {"mac": BROADCAST},
        {"mac": bytes.fromhex("01005e000001")},
        {"kind": (0x0806, 1, 0x0800, 6, 16)},
        {"kind": (0x0806, 6, 0x0800, 6, 4)},
    ],
)
def test_anything_else_is_passed_over(change):
    """Requests, answers to others, answers nobody asked for, group addresses, other hardware."""
    answers = asked()

    answers.take(frame(**change))

    assert answers.macs == set()


@given(st.binary(max_size=80))
def test_no_frame_upsets_it(noise):
    asked().take(noise)
    asked().take(frame()[: len(noise)])
