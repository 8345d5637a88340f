"""The roll call itself, to machines on loopback addresses: honest ones, silent ones, and those who lie."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv4Address

import pytest
from haidang_agent.rollcall.asking import Answer, call
from haidang_agent.rollcall.message import Question, Statement, pack_answer, unpack_question

from tests.agent.rollcall.machines import KEY, MACHINE, MACS, ONE, OTHER_KEY, THREE, TWO, Clock, answering, says

OTHER_MACHINE = "f" * 32
Liar = Callable[[socket.socket, Question, bytes, tuple[str, int]], None]


@contextmanager
def answered_by(liar: Liar, address: IPv4Address = ONE) -> Iterator[int]:
    """The port at which `liar` gets each question: socket, question, its bytes, who asked."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as lying:
        lying.bind((str(address), 0))
        port = lying.getsockname()[1]

        def serve() -> None:
            while True:
                datagram, asker = lying.recvfrom(2048)
                if not datagram:
                    return
                question = unpack_question(datagram, KEY)
                assert question is not None
                liar(lying, question, datagram, asker)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield port
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ending:
                ending.sendto(b"", (str(address), port))
            thread.join()


def statement(nonce: bytes) -> Statement:
    return Statement(nonce, MACHINE, strong=True, macs=MACS, lab="")


def test_each_machine_answers_for_itself_and_hears_its_room() -> None:
    heard: dict[IPv4Address, str] = {}

    def respond(asked):
        heard[asked.address] = asked.lab
        return says(lab="lab-9")(asked)

    with (
        answering(ONE, says(OTHER_MACHINE, strong=False)) as listener,
        answering(TWO, respond, port=listener.port),
        answering(THREE, says(), port=listener.port, key=OTHER_KEY),
    ):
        answers = call({TWO: "lab-2", ONE: "", THREE: "lab-3"}, KEY, Clock(), timeout_seconds=1.5, port=listener.port)

    assert answers == [Answer(ONE, OTHER_MACHINE, False, MACS, ""), Answer(TWO, MACHINE, True, MACS, "lab-9")]
    assert heard == {TWO: "lab-2"}


def test_it_ends_when_all_have_answered() -> None:
    with answering(ONE, says()) as listener:
        began = time.monotonic()
        assert call({ONE: ""}, KEY, Clock(), timeout_seconds=60, port=listener.port)
        assert time.monotonic() - began < 30


def test_nobody_to_ask_takes_no_time() -> None:
    began = time.monotonic()

    assert call({}, KEY, Clock(), timeout_seconds=60) == []
    assert time.monotonic() - began < 30


def test_a_lost_datagram_is_asked_for_again_with_another_nonce() -> None:
    """The same one would be taken for a recording."""
    nonces = []

    def second_time(lying, question, datagram, asker):
        nonces.append(question.nonce)
        if len(nonces) == 2:
            lying.sendto(pack_answer(statement(question.nonce), KEY), asker)

    with answered_by(second_time) as port:
        answers = call({ONE: ""}, KEY, Clock(), timeout_seconds=2, port=port)

    assert [answer.machine for answer in answers] == [MACHINE]
    assert len(set(nonces)) == 2


def test_a_late_answer_to_the_first_question_counts() -> None:
    first: list[bytes] = []

    def late(lying, question, datagram, asker):
        first.append(question.nonce)
        if len(first) == 2:
            lying.sendto(pack_answer(statement(first[0]), KEY), asker)

    with answered_by(late) as port:
        assert call({ONE: ""}, KEY, Clock(), timeout_seconds=2, port=port)


def _another_nonce(lying, question, datagram, asker):
    lying.sendto(pack_answer(statement(bytes(16)), KEY), asker)


def _another_key(lying, question, datagram, asker):
    lying.sendto(pack_answer(statement(question.nonce), OTHER_KEY), asker)


def _the_question_itself(lying, question, datagram, asker):
    lying.sendto(datagram, asker)


def _cut_off(lying, question, datagram, asker):
    lying.sendto(pack_answer(statement(question.nonce), KEY)[:-1], asker)


def _too_long(lying, question, datagram, asker):
    lying.sendto(pack_answer(statement(question.nonce), KEY) + bytes(8000), asker)


def _from_another_port(lying, question, datagram, asker):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((str(ONE), 0))
        other.sendto(pack_answer(statement(question.nonce), KEY), asker)


def _from_another_address(lying, question, datagram, asker):
    """One that was asked too, and knows the key: it can't answer for another one."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((str(TWO), lying.getsockname()[1]))
        other.sendto(pack_answer(statement(question.nonce), KEY), asker)


def _flood(lying, question, datagram, asker):
    for _ in range(200):
        lying.sendto(bytes(len(datagram)), asker)


@pytest.mark.parametrize(
    "liar",
    [
        _another_nonce,
        _another_key,
        _the_question_itself,
        _cut_off,
        _too_long,
        _from_another_port,
        _from_another_address,
        _flood,
    ],
    ids=lambda liar: liar.__name__.strip("_").replace("_", " "),
)
def test_a_lie_is_silence(liar: Liar) -> None:
    with answered_by(liar) as port:
        began = time.monotonic()
        assert call({ONE: "", TWO: ""}, KEY, Clock(), timeout_seconds=0.2, port=port) == []
        assert time.monotonic() - began < 30


def test_the_first_answer_counts() -> None:
    def twice(lying, question, datagram, asker):
        lying.sendto(pack_answer(statement(question.nonce), KEY), asker)
        lying.sendto(pack_answer(Statement(question.nonce, OTHER_MACHINE, True, (), ""), KEY), asker)

    with answered_by(twice) as port:
        answers = call({ONE: "", TWO: ""}, KEY, Clock(), timeout_seconds=1.5, port=port)

    assert [answer.machine for answer in answers] == [MACHINE]


def test_questions_go_out_at_the_pace() -> None:
    """With two rounds, as nobody answers."""
    hosts = {IPv4Address(f"127.0.1.{number}"): "" for number in range(1, 51)}
    began = time.monotonic()

    assert call(hosts, KEY, Clock(), timeout_seconds=0.0, packets_per_second=200, port=1) == []
    assert time.monotonic() - began > 0.4


def test_an_unreachable_one_does_not_keep_the_others_from_being_asked() -> None:
    """This machine's own kernel refuses to send there (EACCES)."""
    with answering(ONE, says()) as listener:
        hosts = {IPv4Address("255.255.255.255"): "", ONE: ""}
        answers = call(hosts, KEY, Clock(), timeout_seconds=1.5, port=listener.port)

    assert [answer.address for answer in answers] == [ONE]


@pytest.mark.parametrize(
    ("cards", "strong"),
    [
        ((MACS, MACS), True),
        ((MACS, (*MACS, "3c:52:82:01:02:04")), True),
        ((MACS, ("3c:52:82:01:02:04",)), False),
        ((MACS, ()), False),
    ],
    ids=["one computer, two addresses", "a card more", "boards of one serial number", "cards not known"],
)
def test_two_machines_under_one_strong_id_are_not_merged(cards: tuple[tuple[str, ...], ...], strong: bool) -> None:
    with (
        answering(ONE, says(macs=cards[0])) as listener,
        answering(TWO, says(macs=cards[1]), port=listener.port),
        answering(THREE, says(OTHER_MACHINE, macs=("3c:52:82:01:02:05",)), port=listener.port),
    ):
        answers = call({ONE: "", TWO: "", THREE: ""}, KEY, Clock(), timeout_seconds=20, port=listener.port)

    assert [answer.strong for answer in answers] == [strong, strong, True]


def test_a_room_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="characters; 100 are allowed"):
        call({ONE: "x" * 101}, KEY, Clock(), timeout_seconds=0)
