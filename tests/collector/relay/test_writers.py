"""Whose word counts for how long."""

from __future__ import annotations

from array import array
from contextlib import closing
from typing import TYPE_CHECKING

import anyio
import pytest
from haidang_agent.credentials import Credentials
from haidang_agent.outbox import Batch
from haidang_agent.relay.frame import seal
from haidang_collector.auth import KNOWN_SECONDS
from haidang_collector.registry.facts import Identity
from haidang_collector.registry.store import Registry
from haidang_collector.relay.frame import read
from haidang_collector.relay.writers import NotTheirsError, Writers

from tests.agent.outboxes import AB
from tests.collector.running import DISTRICT, UNIT, add_agent, database_url

if TYPE_CHECKING:
    from pathlib import Path

BATCH = Batch([1], AB, [1000], [array("d", [1.0, 2.0])])


def test_a_revoked_writer_is_out_though_its_frames_never_stop(tmp_path: Path) -> None:
    agent, bearer = add_agent(database_url(tmp_path))
    frame = read(seal(Credentials(bearer.rpartition(".")[2], agent, UNIT), BATCH))
    relay, now = Identity("a-relay", UNIT, DISTRICT), 0.0
    with closing(Registry(database_url(tmp_path))) as registry:
        writers = Writers(registry.database, lambda: now)

        def ask() -> Identity:
            return anyio.run(writers.of, frame, relay)

        assert ask() == Identity(agent, UNIT, DISTRICT)
        registry.revoke_agent(agent)
        now = KNOWN_SECONDS * 0.9
        assert ask().agent == agent, "what the registry said holds for seconds"
        now = KNOWN_SECONDS * 1.1
        with pytest.raises(NotTheirsError, match="is revoked") as refused:
            ask()
        assert refused.value.fault == "revoked"
