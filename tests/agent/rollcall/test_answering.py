"""A machine that answers the roll call, asked by real sockets: only what is rightly asked has an answer, and once."""

from __future__ import annotations

import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from haidang_agent.rollcall.answering import FRESH_SECONDS, MOST_NONCES, PAUSE_SECONDS, Judge, Listener
from haidang_agent.rollcall.message import DATAGRAM_BYTES, NONCE_BYTES, Statement, unpack_answer
from hypothesis import given
from hypothesis import strategies as st

from tests.agent.rollcall.machines import KEY, MACHINE, MACS, NOW, ONE, OTHER_KEY, TWO, Clock, answering, question, says

TIMEOUT_SECONDS = 60.0


@contextmanager
def asker(listener: Listener) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(TIMEOUT_SECONDS)
        asking.connect((str(ONE), listener.port))
        yield asking


def first_answer(listener: Listener, *datagrams: bytes) -> Statement | None:
    """What comes back first: datagrams are answered in their order, so that a silence shows by the next answer."""
    with asker(listener) as asking:
        for datagram in datagrams:
            asking.send(datagram)
        return unpack_answer(asking.recv(2048), KEY)


def nonce_of(asked: bytes) -> bytes:
    return asked[6 : 6 + NONCE_BYTES]


def test_a_right_question_has_a_signed_answer_of_its_length() -> None:
    with answering(ONE, says(lab="lab-1")) as listener, asker(listener) as asking:
        asking.send(asked := question())
        answer = asking.recv(2048)

    assert len(answer) <= len(asked)
    assert unpack_answer(answer, KEY) == Statement(nonce_of(asked), MACHINE, strong=True, macs=MACS, lab="lab-1")


@pytest.mark.parametrize(
    "refused",
    [
        question(key=OTHER_KEY),
        question(TWO),
        question(sent=NOW - FRESH_SECONDS - 1),
        question(sent=NOW + FRESH_SECONDS + 1),
        question(sent=0),
        question()[:-1],
        question() + b"\0",
        b"",
        bytes(DATAGRAM_BYTES),
        secrets.token_bytes(9000),
    ],
    ids=["key", "for another", "stale", "future", "1970", "cut off", "longer", "empty", "zeros", "large"],
)
def test_what_is_not_rightly_asked_is_not_answered(refused: bytes) -> None:
    good = question()
    with answering(ONE, says()) as listener:
        answer = first_answer(listener, refused, good)

    assert answer is not None
    assert answer.nonce == nonce_of(good)


def test_a_recorded_question_is_answered_once() -> None:
    recorded, good = question(), question()
    with answering(ONE, says()) as listener:
        assert first_answer(listener, recorded)
        answer = first_answer(listener, recorded, recorded, good)

    assert answer is not None
    assert answer.nonce == nonce_of(good)


def test_what_was_refused_does_not_reach_the_machine() -> None:
    """A question for another address would put this machine into that one's room."""
    heard: list[str] = []

    def respond(asked):
        heard.append(asked.lab)
        return says()(asked)

    with answering(ONE, respond) as listener:
        first_answer(listener, question(TWO, lab="lab-2"), question(lab="x", key=OTHER_KEY), question(lab="lab-1"))

    assert heard == ["lab-1"]


def test_a_question_counts_by_the_centres_time_where_it_is_known() -> None:
    """A PC that woke up in 2009 answers as soon as it knows better."""
    with answering(ONE, says(), clock=Clock(wall=1.2e9, centre=NOW)) as listener:
        assert first_answer(listener, question())
    with answering(ONE, says(), clock=Clock(wall=NOW, centre=None)) as listener:
        assert first_answer(listener, question())


def test_a_clock_set_back_does_not_let_a_question_in_again() -> None:
    clock, asked = Clock(), question()
    judge = Judge(KEY, clock, lambda: [ONE])

    assert judge.question(asked)
    clock.centre = NOW + FRESH_SECONDS
    assert judge.question(asked) is None
    clock.centre = NOW
    assert judge.question(asked) is None


def test_questions_that_count_are_bounded_and_forgotten() -> None:
    clock = Clock()
    judge = Judge(KEY, clock, lambda: [ONE])

    assert all(judge.question(question()) for _ in range(MOST_NONCES))
    assert judge.question(question()) is None
    clock.centre = NOW + FRESH_SECONDS + 1
    assert judge.question(question(sent=clock.centre))


@given(st.lists(st.binary(max_size=2 * DATAGRAM_BYTES), max_size=5))
def test_noise_leaves_it_answering(noise: list[bytes]) -> None:
    with answering(ONE, says()) as listener:
        assert first_answer(listener, *noise, question())


def test_a_flood_keeps_no_processor_busy() -> None:
    """Of the right length and head, so that each costs the reckoning of a signature; after each there is a pause."""
    flood = [question(key=OTHER_KEY)] * 50
    with answering(ONE, says()) as listener:
        began = time.monotonic()
        assert first_answer(listener, *flood, question())
        assert time.monotonic() - began >= len(flood) * PAUSE_SECONDS


def test_nobody_at_the_port_is_told_and_the_port_is_free_after_close() -> None:
    with answering(ONE, says()) as listener:
        port = listener.port
        with pytest.raises(OSError, match="in use"):
            Listener((str(ONE), port), KEY, Judge(KEY, Clock(), lambda: [ONE]), says())
    with answering(ONE, says(), port=port) as listener:
        assert listener.is_alive
