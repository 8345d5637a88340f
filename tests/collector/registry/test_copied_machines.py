"""A machine and a copy of its disk, both asked for a new key: one goes on, the other is told, and nothing is lost."""

from __future__ import annotations

import shutil
import time
from contextlib import closing
from typing import TYPE_CHECKING

from haidang_agent import credentials
from haidang_agent.centre import Centre
from haidang_agent.credentials import Credentials
from haidang_agent.enrol import enrol
from haidang_agent.errands import renew_key
from haidang_agent.verdict import Verdict, judge
from haidang_collector.registry.agent_keys import COPIED, want_new_keys
from haidang_collector.registry.facts import is_lately
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token

from tests.collector import remote_write as rw
from tests.collector.registry.test_tokens import HOUR
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.servers import prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.centre import Answer


def machine(folder: Path, authorization: str) -> Path:
    agent, key = authorization.removeprefix("Bearer ").split(".")
    credentials.save(folder, Credentials(key, agent, UNIT))
    return folder


def bearer(folder: Path) -> str:
    mine = credentials.load(folder)
    assert mine is not None
    return mine.bearer


def push(url: str, folder: Path) -> Answer:
    with closing(Centre(url, None, bearer(folder))) as centre:
        return centre.write(rw.snappy(rw.simple("up", 1, time.time())))


def test_one_goes_on_and_the_other_keeps_its_data_until_it_is_an_agent_of_its_own(tmp_path: Path) -> None:
    database = database_url(tmp_path)
    agent, authorization = add_agent(database)
    first = machine(tmp_path / "first", authorization)
    copy = tmp_path / "copy"
    shutil.copytree(first, copy)
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=database, STORE_WRITE_URL=store.write_url) as served,
        closing(Registry(database)) as registry,
    ):
        want_new_keys(registry.database, agent, "lan")
        for folder in (first, copy):
            with closing(Centre(served.url, None, bearer(folder))) as centre:
                renew_key(centre, folder)
        assert judge(push(served.url, first)) is Verdict.STORED

        refused = eventually("refused", lambda: _refused(served.url, copy), seconds=30)
        assert COPIED in refused.text
        assert judge(refused) is Verdict.UNKNOWN, "its data is kept"
        assert judge(push(served.url, first)) is Verdict.STORED
        [known] = registry.agents()
        assert is_lately(known.doubled_at)

        token = create_token(registry.database, UNIT, uses=1, lifetime=HOUR).token
        own = enrol(served.url, token, copy, ["host"], force=True)
        assert own.agent != agent
        assert [judge(push(served.url, each)) for each in (first, copy)] == [Verdict.STORED] * 2


def _refused(url: str, folder: Path) -> Answer | None:
    """Its old key is remembered as a right one for some seconds."""
    answer = push(url, folder)
    return answer if judge(answer) is Verdict.UNKNOWN else None
