"""A host agent whose relay is cut off: what it leaves there, and what makes it let go of anything."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.clock import Clock, monotonic
from haidang_agent.credentials import Credentials
from haidang_agent.errands import Errands
from haidang_agent.outbox import Outbox
from haidang_agent.relay import deposits as depositing
from haidang_agent.relay.deposits import Deposits
from haidang_agent.relay.frame import read_label
from haidang_agent.remote_config import RemoteConfig
from haidang_agent.shipper import Shipper

from tests.agent.outboxes import fill
from tests.agent.relay.opened import LOOPBACK, UNIT_KEY, Opened, opened
from tests.agent.scripted_centre import Say, scripted_centre
from tests.agent.shipping import recent
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

AWAY = "https://127.0.0.1:9"
NOW = 1_790_000_000.0
MINE = Credentials("k" * 43, "a-1", "U1")


@pytest.fixture
def outbox(tmp_path: Path) -> Iterator[Outbox]:
    credentials.save(tmp_path, MINE)
    with closing(Outbox(tmp_path / "outbox.db")) as box:
        yield box


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Opened]:
    with opened(tmp_path, AWAY) as running:
        yield running


def left(outbox: Outbox) -> int:
    return outbox.stats().snapshots


def test_it_lets_go_of_what_the_relay_has_on_its_disk(tmp_path: Path, outbox: Outbox, relay: Opened) -> None:
    fill(outbox, recent(20))
    newest = recent(1)[0] + 10
    fill(outbox, [newest])

    assert Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make() == 1

    assert left(outbox) == 0
    assert sum(outbox.stats().lost.values()) == 0
    assert relay.taken.is_set()
    waiting = relay.custody.read(relay.custody.newest({})[0])
    assert waiting is not None
    assert (waiting.agent, waiting.newest_ms, waiting.samples) == ("a-1", newest, 42)
    assert read_label(waiting.body).agent == "a-1"


def test_not_again_before_a_minute_is_over(tmp_path: Path, outbox: Outbox, relay: Opened) -> None:
    depot = Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE)
    fill(outbox, recent(2))
    assert depot.make() == 1
    fill(outbox, [recent(1)[0] + 10])
    assert depot.make() == 0
    assert left(outbox) == 1


@pytest.mark.parametrize("key", [b"", b"the key of another unit"])
def test_without_the_units_key_nothing_is_deposited(tmp_path: Path, outbox: Outbox, relay: Opened, key: bytes) -> None:
    fill(outbox, recent(3))
    assert Deposits(relay.url, tmp_path, outbox, lambda: key, MINE).make() == 0
    assert (left(outbox), relay.custody.stats().frames) == (3, 0)


def test_a_relay_that_has_no_key_or_no_room_takes_nothing(tmp_path: Path, outbox: Outbox) -> None:
    fill(outbox, recent(3))
    for given in ({"key": b""}, {"max_bytes": 100}):
        with opened(tmp_path, AWAY, **given) as relay:
            assert Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make() == 0
            assert relay.custody.stats().frames == 0
            assert relay.door.answers[503] + relay.door.answers[507] == 1
    assert left(outbox) == 3


@pytest.mark.parametrize("receipt", ["", "0" * 64, "không"])
def test_who_says_yes_without_the_units_key_gets_nothing_settled(tmp_path: Path, outbox: Outbox, receipt: str) -> None:
    """Another machine that took the relay's address."""

    class Liar(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(201)
            self.wfile.write(b"".join(self._headers_buffer) + f"Haidang-Receipt: {receipt}\r\n\r\n".encode())
            self._headers_buffer.clear()

        def log_message(self, *_: object) -> None: ...

    fill(outbox, recent(3))
    with ThreadingHTTPServer((LOOPBACK, 0), Liar) as liar:
        threading.Thread(target=liar.serve_forever, args=(0.01,), daemon=True).start()
        assert Deposits(f"http://{LOOPBACK}:{liar.server_port}", tmp_path, outbox, lambda: UNIT_KEY, MINE).make() == 0
        liar.shutdown()
    assert left(outbox) == 3


def test_an_answer_that_drips_in_is_not_waited_for(
    tmp_path: Path, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """
    Each byte comes in time, and the last never.
    """
    monkeypatch.setattr(depositing, "TIMEOUT_SECONDS", 1.0)
    gave_up = threading.Event()

    def drip(server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection:
            connection.sendall(b"HTTP/1.1 201 Created\r\nHaidang-Receipt: ")
            try:
                while not gave_up.wait(0.05):
                    connection.sendall(b"0")
            except OSError:
                gave_up.set()

    fill(outbox, recent(3))
    with socket.create_server((LOOPBACK, 0)) as server:
        dripping = threading.Thread(target=drip, args=(server,), daemon=True)
        dripping.start()
        url = f"http://{LOOPBACK}:{server.getsockname()[1]}"
        made: list[int] = []
        depot = Deposits(url, tmp_path, outbox, lambda: UNIT_KEY, MINE)
        threading.Thread(target=lambda: made.append(depot.make()), daemon=True).start()
        assert gave_up.wait(30)
        dripping.join(30)
        eventually("it has ended", lambda: made, seconds=30)
    assert (made, left(outbox)) == ([0], 3)


@pytest.mark.parametrize("other", [Credentials("o" * 43, "a-1", "U2"), Credentials("o" * 43, "a-2", "U1")])
def test_enrolled_anew_it_leaves_nothing_in_the_new_name_until_it_is_restarted(
    tmp_path: Path, outbox: Outbox, relay: Opened, other: Credentials
) -> None:
    fill(outbox, recent(3))
    credentials.save(tmp_path, other)
    assert Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make() == 0
    assert (left(outbox), relay.custody.stats().frames) == (3, 0)


def test_a_renewed_key_of_the_same_agent_seals(tmp_path: Path, outbox: Outbox, relay: Opened) -> None:
    fill(outbox, recent(3))
    credentials.save(tmp_path, Credentials("n" * 43, MINE.agent, MINE.unit))
    assert Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make() == 1
    assert left(outbox) == 0


def test_an_answer_that_is_lost_makes_nothing_twice(tmp_path: Path, outbox: Outbox, relay: Opened) -> None:
    """The same bytes come again, from whoever heard them pass."""
    fill(outbox, recent(3))
    Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make()
    waiting = relay.custody.read(relay.custody.newest({})[0])
    assert waiting is not None
    connection = http.client.HTTPConnection(LOOPBACK, relay.door.port, timeout=30)
    shown = depositing.proof(UNIT_KEY, waiting.body)
    connection.request("POST", depositing.PATH, waiting.body, {depositing.PROOF_HEADER: shown})
    assert connection.getresponse().status == 201
    connection.close()
    assert relay.custody.stats().frames == 1


def test_the_shipper_deposits_while_cut_off_and_pushes_when_the_centre_is_back(tmp_path: Path, outbox: Outbox) -> None:
    clock = Clock(outbox, "this")
    clock.learn(time.time(), monotonic(), monotonic())
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    fill(outbox, recent(4))
    with opened(tmp_path, url) as relay:
        depot = Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE)
        client = Centre(url, credentials="a-1.key", learn=clock.learn, relay=relay.url)
        shipper = Shipper(client, outbox, clock, lambda asked: asked.config(None), depot)
        shipper.start()
        eventually("all of it is at the relay", lambda: left(outbox) == 0, seconds=20)
        assert relay.custody.stats().frames >= 1
        assert shipper.state.requests["deposited"] >= 1
        newest = round(time.time() * 1000)
        fill(outbox, [newest])
        with scripted_centre(port) as centre:
            eventually("it pushes again", lambda: any(newest in push.times for push in centre.writes), seconds=40)
            shipper.stop(30)


def test_a_new_key_waits_until_what_was_signed_with_the_old_one_has_arrived(
    tmp_path: Path, outbox: Outbox, relay: Opened
) -> None:
    """Both were off over night: in the morning the relay has as much to hand over as in the evening."""
    (tmp_path / "agent.toml").write_text(f'[agent]\nstate_dir = "{tmp_path}"\n')
    config = RemoteConfig(tmp_path, tmp_path / "agent.toml", lambda: None)
    fill(outbox, recent(2))
    Deposits(relay.url, tmp_path, outbox, lambda: UNIT_KEY, MINE).make()
    with scripted_centre() as centre:
        centre.answer = lambda _: Say(headers={"Haidang-New-Key": "wanted"})
        for hours, renewed in ((14, False), (19.9, False), (20.1, True)):
            centre.clock = lambda later=hours: NOW + 3600 * later
            with closing(Centre(centre.url, None, MINE.bearer, lambda *_: None)) as client:
                Errands(tmp_path, outbox, config, "this boot").run(client)
            assert bool(centre.of("/api/v1/agent/key")) is renewed
