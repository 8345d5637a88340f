"""The relay's port: where it leads, whom it lets in, what it sees, and what nobody can make it do."""

from __future__ import annotations

import contextlib
import socket
import sys
import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.credentials import Credentials
from haidang_agent.relay import dialler, request
from haidang_agent.relay import door as doors
from haidang_agent.relay.frame import proof, seal
from haidang_agent.relay.tunnel import CutOffError, RelayAwayError, RelayError, authority, through

from tests.agent.namespaces import Namespace
from tests.agent.relay.opened import LOOPBACK, UNIT_KEY, everything, opened, tapped
from tests.agent.relay.test_frame import BATCH
from tests.agent.scripted_centre import Say, json_body, scripted_centre
from tests.agent.test_centre import Authority
from tests.agent.test_pins import pin_of
from tests.servers import free_port
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

KEY, TOKEN, NEW_KEY = "a-host-agents-own-key", "A-TOKEN-OF-THE-UNIT", "the-key-that-comes-next"


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_what_passes_through_it_is_neither_key_nor_token_nor_configuration(tmp_path: Path) -> None:
    authority_ = Authority(tmp_path, "ours")
    with scripted_centre(tls=authority_.server()) as centre:
        centre.answer = lambda asked: Say(200, json_body({"snmp": "a-community"})) if "config" in asked.path else Say()
        with opened(tmp_path, centre.url) as relay, tapped(relay.door.port) as wire:
            way = f"http://{LOOPBACK}:{wire.port}"
            client = Centre(centre.url, authority_.file, f"a-1.{KEY}", pins=[pin_of(tmp_path)], relay=way)
            assert client.enrol({"token": TOKEN, "key": KEY}).status == 204
            assert b"a-community" in client.config(None).body
            assert client.new_key(NEW_KEY).status == 204
            assert client.write(b"measured values").status == 204
            client.close()

    assert len({asked.connection for asked in centre.asked}) == 1
    assert {asked.headers["authorization"] for asked in centre.asked} == {f"Bearer a-1.{KEY}"}
    assert wire.passed.startswith(f"CONNECT {authority(*place(centre.url))} HTTP/1.1\r\n".encode())
    for secret in (KEY, TOKEN, NEW_KEY, "a-community", "measured values", "Bearer"):
        assert secret.encode() not in wire.passed


def place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def test_a_relay_that_answers_for_the_centre_is_found_out(tmp_path: Path) -> None:
    """It has a certificate too, of another authority."""
    ours, theirs = Authority(tmp_path, "ours"), Authority(tmp_path, "theirs")
    with scripted_centre(tls=theirs.server()) as forger, opened(tmp_path, forger.url) as relay:
        client = Centre(forger.url, ours.file, f"a-1.{KEY}", relay=relay.url)
        with pytest.raises(UnreachableError, match="not trusted"):
            client.write(b"")
    assert forger.asked == []


def test_a_connection_that_the_collector_ends_is_made_anew_through_the_relay(tmp_path: Path) -> None:
    """
    A client that then went straight would have no way at all, or past the pins.
    """
    authority_ = Authority(tmp_path, "ours")
    with scripted_centre(tls=authority_.server()) as centre, opened(tmp_path, centre.url) as relay:
        centre.answer = lambda _: Say(close_after=True, headers={"Connection": "close"})
        client = Centre(centre.url, authority_.file, "a-1.k", pins=[pin_of(tmp_path)], relay=relay.url)
        assert [client.write(b"").status for _ in range(3)] == [204] * 3
        client.close()
        assert relay.door.answers[200] == 3


@pytest.mark.parametrize(
    "target", ["example.org:443", "127.0.0.1:22", "localhost:{port}", "127.0.0.1", "[::1]:{port}", "127.0.0.1:0{port}"]
)
def test_it_leads_to_the_collector_and_nowhere_else(tmp_path: Path, target: str) -> None:
    with scripted_centre() as centre, opened(tmp_path, centre.url) as relay:
        named = target.format(port=place(centre.url)[1])
        assert (
            status(relay.ask(f"CONNECT {named} HTTP/1.1\r\nHost: {authority(*place(centre.url))}\r\n\r\n".encode()))
            == 403
        )
    assert centre.asked == []


@pytest.mark.parametrize(("networks", "answered"), [(["10.0.0.0/8", "fc00::/7"], 403), (["127.0.0.0/8"], 404)])
def test_who_is_not_of_its_networks_is_not_heard(tmp_path: Path, networks: list[str], answered: int) -> None:
    with opened(tmp_path, "https://127.0.0.1:9", networks=networks) as relay:
        assert status(relay.ask(b"GET / HTTP/1.1\r\n\r\n")) == answered


@pytest.mark.parametrize(
    ("head", "answered"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", 404),
        (b"GET http://example.org/ HTTP/1.1\r\n\r\n", 404),
        (b"GET /relay/v1/frames HTTP/1.1\r\n\r\n", 405),
        (b"POST /relay/v1/frames HTTP/1.1\r\n\r\n", 411),
        (b"POST /relay/v1/frames HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", 411),
        (b"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: +5\r\n\r\n", 411),
        (b"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n", 413),
        (b"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", 400),
        (b"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello", 403),
        (b"\x16\x03\x01\x02\x00\r\n\r\n", 400),
        (b"CONNECT a b c HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 5000, 431),
    ],
)
def test_what_is_no_question_for_it_is_answered_and_let_go(tmp_path: Path, head: bytes, answered: int) -> None:
    with opened(tmp_path, "https://127.0.0.1:9") as relay:
        answer = relay.ask(head)
        assert (status(answer), b"Haidang-Relay: 1\r\n" in answer) == (answered, True)
        assert relay.door.answers[answered] == 1


def test_who_drips_is_sent_away(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(request, "HEAD_SECONDS", 0.1)
    monkeypatch.setattr(request, "BODY_SECONDS", 0.1)
    with opened(tmp_path, "https://127.0.0.1:9") as relay:
        assert status(relay.ask(b"CONNECT ", end=False)) == 408
        head = b"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"
        assert status(relay.ask(head, end=False)) == 408
        eventually("nobody is left", lambda: relay.door.connections == 0, seconds=10)


def test_a_tunnel_in_which_nothing_moves_ends(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(doors, "IDLE_SECONDS", 0.1)
    with closing(socket.create_server((LOOPBACK, 0))) as silent:
        url = f"https://{LOOPBACK}:{silent.getsockname()[1]}"
        with opened(tmp_path, url) as relay, through(relay.url, *place(url), 30) as tunnel:
            assert everything(tunnel) == b""


def test_one_address_has_so_many_connections_and_no_more(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(doors, "MOST_OF_ADDRESS", 2)
    with opened(tmp_path, "https://127.0.0.1:9") as relay:
        idle = [socket.create_connection((LOOPBACK, relay.door.port), 30) for _ in range(2)]
        eventually("both are there", lambda: relay.door.connections == 2, seconds=10)
        with socket.create_connection((LOOPBACK, relay.door.port), 30) as third:
            assert status(everything(third)) == 503
        for each in idle:
            each.close()
        eventually("both are gone", lambda: relay.door.connections == 0, seconds=10)
        assert status(relay.ask(b"GET / HTTP/1.1\r\n\r\n")) == 404


def test_stopped_with_a_tunnel_open_it_is_gone(tmp_path: Path) -> None:
    with closing(socket.create_server((LOOPBACK, 0))) as silent:
        url = f"https://{LOOPBACK}:{silent.getsockname()[1]}"
        with opened(tmp_path, url) as relay:
            tunnel = through(relay.url, *place(url), 30)
        with tunnel:
            assert everything(tunnel) == b""


class TestCutOff:
    """Only a relay's own word makes an agent leave its measurements there."""

    def test_a_centre_that_does_not_answer(self, tmp_path: Path) -> None:
        url = f"https://{LOOPBACK}:{free_port()}"
        with opened(tmp_path, url) as relay:
            for _ in range(2):
                with pytest.raises(CutOffError, match="cannot reach it now"):
                    through(relay.url, *place(url), 30)
            with pytest.raises(UnreachableError) as failed:
                Centre(url, relay=relay.url).write(b"")
            assert isinstance(failed.value.__cause__, CutOffError)

    def test_a_resolver_that_never_answers_holds_nothing_up(self, tmp_path: Path, monkeypatch) -> None:
        """Without Internet there is no DNS either, and then the PCs come to leave their measurements."""
        asked, over, sound = [], threading.Event(), socket.getaddrinfo

        def look_up(host: str, *args: Any, **more: Any) -> Any:
            if host == "collector.example":
                asked.append(host)
                over.wait(60)
            return sound("127.0.0.1" if host == "collector.example" else host, *args, **more)

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        monkeypatch.setattr(dialler, "CONNECT_SECONDS", 0.1)
        monkeypatch.setattr(dialler, "AWAY_SECONDS", 0.0)
        frame = seal(Credentials("k" * 43, "a-1", "U1"), BATCH)
        head = (
            f"POST /relay/v1/frames HTTP/1.1\r\nContent-Length: {len(frame)}\r\nHaidang-Proof: {proof(UNIT_KEY, frame)}"
        )
        with opened(tmp_path, "https://collector.example:443") as relay:
            for _ in range(12):
                with pytest.raises(CutOffError):
                    through(relay.url, "collector.example", 443, 30)
            assert status(relay.ask(f"{head}\r\n\r\n".encode() + frame)) == 201
            assert asked == ["collector.example"]
            over.set()

    def test_a_relay_that_is_away(self) -> None:
        with pytest.raises(RelayAwayError):
            through(f"http://{LOOPBACK}:{free_port()}", "collector.example", 443, 30)

    @pytest.mark.parametrize(
        "said",
        [
            b"HTTP/1.1 502 Bad Gateway\r\nVia: a proxy\r\n\r\n",
            b"HTTP/1.1 403 Forbidden\r\nHaidang-Relay: 1\r\n\r\n",
            b"HTTP/1.1 200",
            b"SSH-2.0-OpenSSH\r\n\r\n",
            b"x" * 10_000,
            b"",
        ],
    )
    def test_another_program_there(self, said: bytes) -> None:
        with closing(socket.create_server((LOOPBACK, 0))) as server:

            def answer() -> None:
                connection, _ = server.accept()
                with connection, contextlib.suppress(OSError):  # the client has heard enough
                    connection.recv(1000)
                    connection.sendall(said)
                    connection.shutdown(socket.SHUT_WR)
                    everything(connection)

            answering = threading.Thread(target=answer)
            answering.start()
            with pytest.raises(RelayError) as failed:
                through(f"http://{LOOPBACK}:{server.getsockname()[1]}", "collector.example", 443, 30)
            assert not isinstance(failed.value, CutOffError)
            answering.join()


def test_keys_in_clear_text_go_through_no_relay_but_on_this_machine() -> None:
    with pytest.raises(ValueError, match="clear text"):
        Centre("http://127.0.0.1:8080", relay="http://192.168.1.10:9196")
    for wrong in ("https://192.168.1.10:9196", "http://192.168.1.10", "192.168.1.10:9196", "http://a:1/path"):
        with pytest.raises(ValueError, match=r"write .*http://host:port"):
            Centre("https://collector.example", relay=wrong)


LISTENING = """\
import subprocess, sys
from pathlib import Path
from tests.agent.relay import opened
from tests.waiting import eventually
opened.LOOPBACK = sys.argv[2]
with opened.opened(Path(sys.argv[1]), "https://127.0.0.1:9") as relay:
    subprocess.run(["ip", "address", "add", sys.argv[3], "dev", "lo", *sys.argv[4:]], check=True)
    print(eventually("an answer", lambda: relay.ask(b"GET / HTTP/1.1\\r\\n\\r\\n"), seconds=60).decode())
"""


def test_it_starts_before_its_address_is_there(tmp_path: Path) -> None:
    """
    After a power cut, a PC is up before the router that gives it its address; what it measures then says what failed.
    """
    with Namespace() as machine:
        said = machine.run(sys.executable, "-c", LISTENING, str(tmp_path), "fd00::7", "fd00::7/64", "nodad")
    assert status(said.encode()) == 404
