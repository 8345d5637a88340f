"""Datagrams of the roll call: what is packed is read again, and nothing else is read at all."""

from __future__ import annotations

from ipaddress import IPv4Address

import pytest
from haidang_agent.rollcall.message import (
    ANSWER,
    ANSWERED,
    DATAGRAM_BYTES,
    HEAD,
    KEY_BYTES,
    LONGEST_LAB,
    MOST_CARDS,
    NONCE_BYTES,
    QUESTION,
    SIGNATURE_BYTES,
    Question,
    Statement,
    _signed,
    pack_answer,
    pack_question,
    unpack_answer,
    unpack_question,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.rollcall.machines import KEY, MACHINE, MACS, ONE, OTHER_KEY, question

nonces = st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES)
labs = st.text(st.characters(exclude_categories=["Cs"]), max_size=LONGEST_LAB)
macs = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":"))
machines = st.one_of(st.just(""), st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex))
questions = st.builds(
    Question,
    nonce=nonces,
    sent=st.integers(0, 2**40).map(lambda milliseconds: milliseconds / 1000),
    address=st.ip_addresses(v=4),
    lab=labs,
)
statements = st.builds(
    Statement,
    nonce=nonces,
    machine=machines,
    strong=st.booleans(),
    macs=st.lists(macs, max_size=MOST_CARDS).map(tuple),
    lab=labs,
)
keys = st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES)


@given(questions, keys)
def test_a_question_is_read_as_it_was_asked(asked: Question, key: bytes) -> None:
    assert unpack_question(pack_question(asked, key), key) == asked


@given(statements, keys)
def test_an_answer_is_read_as_it_was_given(said: Statement, key: bytes) -> None:
    assert unpack_answer(pack_answer(said, key), key) == said


@given(questions, statements)
def test_no_answer_has_more_bytes_than_a_question(asked: Question, said: Statement) -> None:
    assert len(pack_answer(said, KEY)) <= len(pack_question(asked, KEY)) == DATAGRAM_BYTES


@given(st.binary(max_size=2 * DATAGRAM_BYTES))
def test_noise_is_nothing(noise: bytes) -> None:
    assert unpack_question(noise, KEY) is None
    assert unpack_answer(noise, KEY) is None


@given(questions, statements, st.integers(0, DATAGRAM_BYTES - 1), st.integers(1, 255))
def test_one_changed_byte_spoils_it(asked: Question, said: Statement, at: int, change: int) -> None:
    """The filling too: nothing that is not signed is looked at."""
    for packed, unpack in ((pack_question(asked, KEY), unpack_question), (pack_answer(said, KEY), unpack_answer)):
        changed = bytearray(packed)
        changed[at] ^= change

        assert unpack(bytes(changed), KEY) is None


@given(questions, st.integers(0, DATAGRAM_BYTES - 1))
def test_cut_off_or_longer_it_is_nothing(asked: Question, length: int) -> None:
    packed = pack_question(asked, KEY)

    assert unpack_question(packed[:length], KEY) is None
    assert unpack_question(packed + b"\0", KEY) is None


@given(st.binary(max_size=DATAGRAM_BYTES - HEAD.size - SIGNATURE_BYTES), st.sampled_from([QUESTION, ANSWER]))
def test_what_is_signed_but_makes_no_sense_is_read_within_bounds_or_not_at_all(body: bytes, kind: int) -> None:
    """By a fault of a later version's, say."""
    signed = _signed(kind, bytes(NONCE_BYTES), body, KEY)
    for read in (unpack_question(signed, KEY), unpack_answer(signed, KEY)):
        assert read is None or len(read.lab) <= LONGEST_LAB
        assert not isinstance(read, Statement) or len(read.macs) <= MOST_CARDS


@pytest.mark.parametrize(
    ("cards", "length", "rest"),
    [(MOST_CARDS + 1, 0, b""), (0, 600, b""), (0, 1, b"\xff"), (0, LONGEST_LAB + 1, b"x" * (LONGEST_LAB + 1))],
    ids=["cards", "length", "no UTF-8", "long name"],
)
def test_an_answer_out_of_bounds_is_none(cards: int, length: int, rest: bytes) -> None:
    body = ANSWERED.pack(bytes(16), True, cards, length) + rest

    assert unpack_answer(_signed(ANSWER, bytes(NONCE_BYTES), body, KEY), KEY) is None


def test_another_units_key_opens_nothing() -> None:
    said = Statement(bytes(NONCE_BYTES), MACHINE, strong=True, macs=MACS, lab="")

    assert unpack_question(question(), OTHER_KEY) is None
    assert unpack_answer(pack_answer(said, KEY), OTHER_KEY) is None


def test_a_question_sent_back_is_no_answer() -> None:
    assert unpack_answer(question(), KEY) is None


def test_the_ninth_card_is_left_out() -> None:
    cards = tuple(f"00:00:00:00:00:{number:02x}" for number in range(1, MOST_CARDS + 2))
    said = unpack_answer(pack_answer(Statement(bytes(NONCE_BYTES), MACHINE, True, cards, ""), KEY), KEY)

    assert said is not None
    assert said.macs == cards[:MOST_CARDS]


def test_a_name_that_does_not_fit_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="101 characters; 100 are allowed"):
        question(lab="ă" * 101)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_key_of_another_length_signs_nothing(key: bytes) -> None:
    with pytest.raises(ValueError, match=f"has {len(key)} bytes, not 32"):
        question(key=key)


def test_a_question_names_its_address() -> None:
    asked = unpack_question(question(ONE, lab="Phòng máy 1"), KEY)

    assert asked is not None
    assert (asked.address, asked.lab) == (IPv4Address("127.0.0.2"), "Phòng máy 1")
