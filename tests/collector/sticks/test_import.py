"""The whole way of a stick: outbox, file, `haidang import`, store, and the agent that hears of it."""

from __future__ import annotations

import json
import shutil
import threading
import time
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials, outbox_export
from haidang_agent.centre import Centre
from haidang_agent.credentials import Credentials
from haidang_agent.errands import Errands
from haidang_agent.outbox import Outbox
from haidang_agent.remote_config import RemoteConfig
from haidang_collector.cli import build
from haidang_collector.registry.agent_keys import merge_agents, want_new_keys
from haidang_collector.registry.fleet_tables import ImportedFrame
from haidang_collector.registry.store import Registry
from haidang_collector.sticks.taking import SAFE_SECONDS, mark_safe
from sqlalchemy import select
from typer.testing import CliRunner

from tests.agent.outboxes import DAY, fill
from tests.agent.shipping import recent
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.servers import free_port, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from typer.testing import Result

    from tests.collector.running import Served
    from tests.servers import Prometheus

OPERATOR = "an operator's password"
NOTHING = dict.fromkeys(("stored", "again", "refused", "left", "samples", "relayed", "relayed_agents"), 0)


class School:
    """An agent's state folder, and its outbox."""

    def __init__(self, folder: Path, bearer: str) -> None:
        self.folder = folder
        agent, key = bearer.removeprefix("Bearer ").split(".")
        self.who = Credentials(key, agent, UNIT)
        credentials.save(folder, self.who)
        (folder / "agent.toml").write_text(f'[agent]\nstate_dir = "{folder}"\n')
        self.outbox = Outbox(folder / "outbox.db")

    def export(self, name: str) -> Path:
        with (self.folder / name).open("wb") as out:
            outbox_export.write(self.outbox, self.who, out, time.time())
        return self.folder / name

    def meets(self, url: str) -> None:
        """One question to the centre, as once a minute."""
        config = RemoteConfig(self.folder, self.folder / "agent.toml", lambda: None)
        mine = credentials.load(self.folder)
        assert mine is not None
        with closing(Centre(url, None, mine.bearer)) as centre:
            Errands(self.folder, self.outbox, config, "this boot").run(centre)


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("city")


@pytest.fixture(scope="module")
def store(city: Path) -> Iterator[Prometheus]:
    with prometheus(city) as running:
        yield running


@pytest.fixture(scope="module")
def centre(city: Path, store: Prometheus) -> Iterator[Served]:
    given = {"DATABASE_URL": database_url(city), "STORE_WRITE_URL": store.write_url, "OPERATOR_PASSWORD": OPERATOR}
    with serving(city, **given) as served:
        yield served


@pytest.fixture
def registry(city: Path) -> Iterator[Registry]:
    opened = Registry(database_url(city))
    yield opened
    opened.close()


@pytest.fixture
def school(tmp_path: Path, city: Path) -> Iterator[School]:
    """With an agent of its own."""
    folder = tmp_path / "school"
    folder.mkdir()
    _, bearer = add_agent(database_url(city))
    made = School(folder, bearer)
    yield made
    made.outbox.close()


def imported(file: Path, url: str, *more: str) -> Result:
    return CliRunner().invoke(build(), ["import", str(file), "--server", url, *more])


def two_minutes_later(registry: Registry) -> None:
    """The store runs on."""
    with registry.database.read() as connection:
        runs = set(connection.scalars(select(ImportedFrame.store_since)))
    for since in runs:
        mark_safe(registry.database, since, time.time() + SAFE_SECONDS)


def count(store: Prometheus, school: School) -> int:
    """Samples of the two series."""
    total = 0
    for name in ("a", "b"):
        for found in store.query(f'count_over_time({name}{{unit="{UNIT}",agent="{school.who.agent}"}}[1d])'):
            total += int(found["value"][1])
    return total


def test_a_stick_brings_all_once_and_the_agent_need_not_send_it(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    fill(school.outbox, recent(20))
    stick = school.export("stick")
    fill(school.outbox, [round(time.time() * 1000) + 1])

    first, again = imported(stick, centre.url, "--json"), imported(stick, centre.url)

    told = json.loads(first.stdout)
    assert told == NOTHING | {"stored": 1, "samples": 40, "snapshots_refused": {}, "problems": []}
    assert (first.exit_code, again.exit_code) == (0, 0)
    assert again.stdout == "0 parts stored (0 samples), 1 were there already\n"
    assert count(store, school) == 40

    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 21, "the store may still lose it"
    two_minutes_later(registry)
    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 1, "what was measured after the export still waits"
    assert not school.outbox.stats().lost.get("refused")
    assert outbox_export.waiting(school.outbox) == ""


def test_what_the_store_lost_is_brought_by_the_same_stick(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    """By a power cut just after the import; later by a restored back-up of the store."""

    def lose_all() -> None:
        store.kill()
        shutil.rmtree(store.folder / "data")
        store.start()
        assert count(store, school) == 0

    fill(school.outbox, recent(20))
    stick = school.export("stick")
    imported(stick, centre.url)
    lose_all()
    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 20

    def is_stored() -> bool:
        return bool(json.loads(imported(stick, centre.url, "--json").stdout)["stored"])

    eventually("the collector has seen that the store began anew", is_stored, seconds=20, every=0.5)
    assert count(store, school) == 40

    two_minutes_later(registry)
    lose_all()
    assert imported(stick, centre.url).stdout == "0 parts stored (0 samples), 1 were there already\n"
    assert imported(stick, centre.url, "--again").stdout == "1 parts stored (40 samples), 0 were there already\n"
    assert count(store, school) == 40


def test_a_lost_stick_loses_nothing(school: School, centre: Served) -> None:
    fill(school.outbox, recent(20))
    school.export("lost")
    school.meets(centre.url)

    assert school.outbox.stats().snapshots == 20


def test_what_was_sent_and_carried_too_is_there_once(school: School, centre: Served, store: Prometheus) -> None:
    """The link came back before the stick arrived."""
    fill(school.outbox, recent(20))
    stick = school.export("late")
    batch = school.outbox.backlog(2**62, 0, 10**9)
    assert batch is not None
    with closing(Centre(centre.url, None, school.who.bearer)) as client:
        assert client.write(outbox_export.encode(batch.layout, batch.timestamps_ms, batch.values)).status == 204

    assert imported(stick, centre.url).exit_code == 0
    assert count(store, school) == 40


def test_a_file_of_nobody_here_is_refused(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    fill(school.outbox, recent(3))
    mine = school.who
    school.who = Credentials("z" * 43, mine.agent, UNIT)
    forged = imported(school.export("forged"), centre.url)
    school.who = Credentials(mine.key, "a-elsewhere", UNIT)
    foreign = imported(school.export("foreign"), centre.url)
    school.who = mine
    registry.revoke_agent(mine.agent)
    revoked = imported(school.export("revoked"), centre.url)

    for result, words in (
        (forged, "its signature is not of"),
        (foreign, "no agent 'a-elsewhere'"),
        (revoked, "is revoked"),
    ):
        assert result.exit_code == 1
        assert words in result.stderr
    assert count(store, school) == 0


def test_a_file_of_one_that_counts_as_a_revoked_agent_is_refused(
    school: School, centre: Served, city: Path, registry: Registry
) -> None:
    fill(school.outbox, recent(3))
    stick = school.export("merged")
    first, _ = add_agent(database_url(city))
    merge_agents(registry.database, first, school.who.agent, "lan")
    registry.revoke_agent(first)

    refused = imported(stick, centre.url)

    assert refused.exit_code == 1
    assert "is revoked" in refused.stderr


def test_of_what_was_cut_off_the_whole_parts_are_taken(school: School, centre: Served, registry: Registry) -> None:
    fill(school.outbox, recent(3))
    stick = school.export("cut")
    stick.write_bytes(stick.read_bytes()[:-20])

    result = imported(stick, centre.url)

    assert result.exit_code == 1
    assert "its end is missing; copy it again" in result.stderr
    two_minutes_later(registry)
    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 0


def test_of_a_part_only_what_is_too_old_is_refused(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    """What lay at the school for too long is told; the agent need not send it in vain."""
    month_ago = round(time.time() * 1000) - 31 * DAY
    fill(school.outbox, [month_ago, month_ago + 1, month_ago + 2, *recent(20)])

    result = imported(school.export("stick"), centre.url, "--json")

    told = json.loads(result.stdout)
    (problem,) = told.pop("problems")
    assert told == NOTHING | {"stored": 1, "samples": 40, "snapshots_refused": {"too_old": 3}}
    assert problem.startswith("part 0: 3 of its snapshots were refused for ever (too_old): ")
    assert (result.exit_code, problem in result.stderr) == (1, True)
    assert count(store, school) == 40
    two_minutes_later(registry)
    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 0


def test_a_part_of_which_all_is_too_old_stays_with_the_agent(
    school: School, centre: Served, store: Prometheus, registry: Registry
) -> None:
    fill(school.outbox, [round(time.time() * 1000) - 31 * DAY])

    result = imported(school.export("stick"), centre.url)

    assert result.exit_code == 1
    assert "is older than 30 days; the agent keeps it" in result.stderr
    assert count(store, school) == 0
    two_minutes_later(registry)
    school.meets(centre.url)
    assert school.outbox.stats().snapshots == 1


def test_nobody_but_an_operator_imports_from_elsewhere(school: School, centre: Served, monkeypatch) -> None:
    fill(school.outbox, recent(3))
    stick = school.export("stick")
    monkeypatch.setenv("HAIDANG_OPERATOR_PASSWORD", "wrong")

    assert imported(stick, centre.url).exit_code == 0, "this machine itself needs no password"
    assert imported(stick, f"http://127.0.0.1:{free_port()}").exit_code == 1
    assert imported(stick, "http://192.0.2.1").exit_code == 2
    assert imported(school.folder / "agent.toml", centre.url).exit_code == 2


def test_a_login_page_in_between_is_no_collector(school: School) -> None:
    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>Log in first</html>")

        def log_message(self, *_: object) -> None: ...

    fill(school.outbox, recent(3))
    with ThreadingHTTPServer(("127.0.0.1", 0), Portal) as portal:
        threading.Thread(target=portal.serve_forever, daemon=True).start()
        result = imported(school.export("stick"), f"http://127.0.0.1:{portal.server_port}")
        portal.shutdown()

    assert result.exit_code == 1
    assert "no collector answers there" in result.stderr
    assert "Log in first" in result.stderr


def test_a_collector_that_stores_nothing_once_more_is_told_of(school: School) -> None:
    """One of before `--again` takes no notice of what it is asked."""

    class Older(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"samples": 0, "again": true}')

        def log_message(self, *_: object) -> None: ...

    fill(school.outbox, recent(3))
    stick = school.export("stick")
    with ThreadingHTTPServer(("127.0.0.1", 0), Older) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{collector.server_port}"
        without, again = imported(stick, url), imported(stick, url, "--again")
        collector.shutdown()

    assert (without.exit_code, without.stdout) == (0, "0 parts stored (0 samples), 1 were there already\n")
    assert (again.exit_code, again.stdout) == (1, without.stdout)
    assert "this collector is too old for --again, and stored nothing once more" in again.stderr


@pytest.mark.parametrize(("busy", "wait", "status"), [(2, "0", 0), (1, "0", 0), (99, "0", 1), (1, "300", 1)])
def test_who_has_no_turn_just_now_waits_for_it(school: School, busy: int, wait: str, status: int) -> None:
    asked = []

    class Busy(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            asked.append(self.path)
            turned_away = len(asked) <= busy
            self.send_response(503 if turned_away else 200)
            self.send_header("Retry-After", wait)
            self.end_headers()
            self.wfile.write(b"wait" if turned_away else b'{"samples": 6, "again": false}')

        def log_message(self, *_: object) -> None: ...

    fill(school.outbox, recent(3))
    with ThreadingHTTPServer(("127.0.0.1", 0), Busy) as collector:
        threading.Thread(target=collector.serve_forever, daemon=True).start()
        result = imported(school.export("stick"), f"http://127.0.0.1:{collector.server_port}")
        collector.shutdown()

    assert result.exit_code == status
    assert ("503 wait; import the file again later" in result.stderr) is bool(status)
    assert len(asked) <= 6


def test_a_new_key_is_made_and_used_without_a_gap(school: School, centre: Served, registry: Registry) -> None:
    want_new_keys(registry.database, school.who.agent, "lan")
    school.meets(centre.url)
    fresh = credentials.load(school.folder)
    assert fresh is not None
    assert fresh.key != school.who.key
    assert (fresh.agent, fresh.unit) == (school.who.agent, UNIT)
    assert registry.identify(school.who.agent, school.who.key) is not None, "until the new one is used"

    school.meets(centre.url)
    assert registry.identify(school.who.agent, school.who.key) is None
    assert not any(each.new_key_wanted for each in registry.agents())
