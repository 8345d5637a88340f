"""The relay as a part of the agent's process."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

from haidang_agent.relay.custody import Custody
from haidang_agent.relay.custody_file import FILE
from haidang_agent.relay.frame import Label

from tests.agent.machines import Machine
from tests.agent.relay.test_forwarding import RELAYED
from tests.agent.scripted_centre import CONFIG, Say, scripted_centre
from tests.waiting import eventually

if TYPE_CHECKING:
    from pathlib import Path


def test_what_was_left_with_it_arrives_though_it_is_a_relay_no_more(tmp_path: Path) -> None:
    """
    Somebody takes [relay] out of agent.toml: the PCs have let go of what it keeps.
    """
    with scripted_centre() as centre:
        centre.answer = lambda asked: Say(200, b"{}") if asked.path == CONFIG else Say()
        machine = Machine(tmp_path, centre)
        with closing(Custody(machine.state / FILE, 5 << 20)) as custody:
            custody.take(b"a frame", Label("a-1", "0" * 32, 1, 10), "10.0.0.1")
        with machine.running():
            eventually("it was handed over", lambda: centre.of(RELAYED), seconds=20)
            eventually("none is left", lambda: machine.value("haidang_agent_relay_frames") == 0, seconds=20)
    assert [each.body for each in centre.of(RELAYED)] == [b"a frame"]


def test_enrolled_for_another_unit_it_sets_aside_what_it_kept_for_the_first(tmp_path: Path) -> None:
    with scripted_centre() as centre:
        centre.answer = lambda asked: Say(200, b"{}") if asked.path == CONFIG else Say()
        machine = Machine(tmp_path, centre)
        with closing(Custody(machine.state / FILE, 5 << 20, "U0")) as custody:
            custody.take(b"a frame", Label("a-1", "0" * 32, 1, 10), "10.0.0.1")
        with machine.running():
            eventually("it is set aside", lambda: list(machine.state.glob(f"{FILE}.unit-*")), seconds=20)
            eventually("it pushes", lambda: len(centre.writes) >= 2, seconds=20)
    assert centre.of(RELAYED) == []
