"""Keys renewed without a gap, machines that come back, two agents that are one machine."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.agent_asks import Asking, answer
from haidang_collector.registry.agent_keys import (
    COPIED,
    MERGED,
    NOTED_AGAIN_SECONDS,
    PENDING_SECONDS,
    REPLACED,
    REVOKED,
    AgentKeyError,
    merge_agents,
    offer_key,
    want_new_keys,
    why_not,
)
from haidang_collector.registry.facts import Closer, Identity, Sighting, is_lately
from haidang_collector.registry.models import Agent
from haidang_collector.registry.tokens import Applicant, create_token, enrol
from sqlalchemy import update

from tests.collector.registry.test_tokens import HOUR

if TYPE_CHECKING:
    from haidang_collector.registry.facts import AgentFact
    from haidang_collector.registry.store import Registry


NOW = time.time()


def newcomer(registry: Registry, unit: str = "TH-001", *, again: str | None = None) -> tuple[str, str]:
    """An agent's id and key; `again` is let in as that one."""
    token = create_token(registry.database, unit, uses=1, lifetime=HOUR, agent=again).token
    key = secrets.token_urlsafe(32)
    enrolled = enrol(registry.database, Applicant(token, key, ("host",), "1.0", "linux"))
    assert enrolled is not None
    return enrolled.agent, key


def fact(registry: Registry, agent: str) -> AgentFact:
    return next(each for each in registry.agents(merged=True) if each.agent == agent)


def test_both_keys_hold_until_the_new_one_is_used(registry: Registry) -> None:
    agent, old = newcomer(registry)
    new = secrets.token_urlsafe(32)
    assert want_new_keys(registry.database, agent, "lan") == 1
    assert fact(registry, agent).new_key_wanted

    for _ in range(2):  # the answer got lost, and the agent asks again
        assert offer_key(registry.database, agent, new, NOW)
        assert registry.identify(agent, old) is not None
    assert registry.identify(agent, new) == Identity(agent, "TH-001", "Quận Bắc")

    assert registry.identify(agent, old) is None
    assert registry.identify(agent, new) is not None
    assert not fact(registry, agent).new_key_wanted


def test_a_key_that_was_offered_and_never_used_can_be_offered_anew(registry: Registry) -> None:
    agent, old = newcomer(registry)
    assert offer_key(registry.database, agent, "first" * 10, NOW)
    assert offer_key(registry.database, agent, "second" * 10, NOW + PENDING_SECONDS)

    assert registry.identify(agent, "first" * 10) is None
    assert registry.identify(agent, old) is not None
    assert registry.identify(agent, "second" * 10) is not None


def test_a_disk_that_was_put_back_is_told_so_and_noted(registry: Registry) -> None:
    agent, old = newcomer(registry)
    offer_key(registry.database, agent, "new" * 15, NOW)
    registry.identify(agent, "new" * 15)

    assert registry.closer(agent, old) == REPLACED
    assert why_not(registry.database, agent, old) == REPLACED
    assert fact(registry, agent).put_back_at is not None
    assert why_not(registry.database, agent, "never" * 9) is None, "who never held a key learns nothing"
    assert why_not(registry.database, "a-none", old) is None


def test_a_look_at_many_only_reads_and_leaves_the_rest_to_a_closer_one(registry: Registry) -> None:
    """
    A new key that is used for the first time is written down; why a key is none any more is asked about alone.
    """
    (first, key), (second, old), (gone, its), (merged, _) = (newcomer(registry) for _ in range(4))
    registry.revoke_agent(gone)
    assert offer_key(registry.database, second, "new" * 15, NOW)
    asked = [
        (first, key),
        ("a-none", key),
        (second, "new" * 15),
        (second, old),
        (gone, its),
        (merged, key),
        (first, key),
    ]

    found = registry.who(asked)

    here = Identity(first, "TH-001", "Quận Bắc")
    renewed = Identity(second, "TH-001", "Quận Bắc")
    assert found == [here, None, Closer.LOOK, renewed, Closer.LOOK, Closer.LOOK, here]
    assert registry.identify(second, old) == renewed, "nothing was written"
    closer = [registry.closer(*each) for each in ((second, "new" * 15), (second, old), (gone, its), (merged, key))]
    assert closer == [renewed, REPLACED, REVOKED, None]


def test_of_two_machines_that_renew_one_key_the_first_goes_on(registry: Registry) -> None:
    """
    The other is refused by name, and not taken for a disk that was put back: to let that in again would turn out this.
    """
    agent, old = newcomer(registry)
    assert offer_key(registry.database, agent, "first" * 10, NOW)
    assert not offer_key(registry.database, agent, "second" * 10, NOW + 1)
    assert registry.identify(agent, old) is not None, "nobody is locked out before the new key is used"
    assert registry.identify(agent, "first" * 10) is not None

    assert registry.identify(agent, "second" * 10) is None
    assert registry.closer(agent, old) == COPIED
    assert is_lately(fact(registry, agent).doubled_at)
    assert registry.identify(agent, "first" * 10) is not None


def test_two_keys_used_in_turns_are_two_machines(registry: Registry) -> None:
    agent, old = newcomer(registry)
    offer_key(registry.database, agent, "new" * 15, NOW)
    registry.identify(agent, "new" * 15)
    assert why_not(registry.database, agent, old) == REPLACED
    with registry.database.write() as session:
        session.execute(update(Agent).values(put_back_at=time.time() - 2 * NOTED_AGAIN_SECONDS))
    assert why_not(registry.database, agent, old) == REPLACED, "the new key was not heard of meanwhile"

    registry.record_seen({agent: Sighting(time.time() + 1, stopped=False)})

    assert why_not(registry.database, agent, old) == COPIED
    with registry.database.write() as session:
        session.execute(update(Agent).values(put_back_at=time.time() - 2 * NOTED_AGAIN_SECONDS))
    assert why_not(registry.database, agent, old) == COPIED
    assert is_lately(fact(registry, agent).doubled_at)


def test_all_that_may_push_are_asked(registry: Registry) -> None:
    first, second, gone = (newcomer(registry)[0] for _ in range(3))
    registry.revoke_agent(gone)

    assert want_new_keys(registry.database, None, "lan") == 2
    assert {each.agent for each in registry.agents() if each.new_key_wanted} == {first, second}
    with pytest.raises(AgentKeyError, match="there is no agent 'a-none' that may push"):
        want_new_keys(registry.database, "a-none", "lan")


def test_a_machine_comes_back_as_the_agent_it_was(registry: Registry) -> None:
    agent, old = newcomer(registry)
    registry.record_seen({agent: Sighting(1000.0, stopped=False)})
    registry.revoke_agent(agent)
    assert why_not(registry.database, agent, old) == REVOKED

    again, new = newcomer(registry, again=agent)

    assert again == agent
    assert registry.identify(agent, new) is not None
    assert registry.identify(agent, old) is None
    assert why_not(registry.database, agent, old) == REPLACED
    assert fact(registry, agent).last_seen == 1000.0
    assert len(registry.agents(merged=True)) == 1


def test_two_agents_that_are_one_machine_go_on_as_the_first(registry: Registry) -> None:
    (old, old_key), (new, new_key), (other, other_key) = (newcomer(registry) for _ in range(3))
    registry.record_seen({old: Sighting(1000.0, stopped=False), new: Sighting(2000.0, stopped=True)})
    merge_agents(registry.database, new, other, "lan")
    merge_agents(registry.database, old, new, "lan")

    for agent, key in ((new, new_key), (other, other_key)):
        if agent == other:
            assert registry.identify(agent, key) == Identity(old, "TH-001", "Quận Bắc", issued=agent)
    assert registry.identify(new, new_key) is None, "its key was given up when another became it"
    assert registry.identify(old, old_key) is None
    assert [each.agent for each in registry.agents()] == [old]
    assert fact(registry, old).last_seen == 2000.0
    assert fact(registry, new).merged_into == fact(registry, other).merged_into == old


def test_a_merged_agent_gets_new_keys_and_is_revoked_as_one(registry: Registry) -> None:
    (old, _), (new, key) = newcomer(registry), newcomer(registry)
    merge_agents(registry.database, old, new, "lan")
    offer_key(registry.database, new, "fresh" * 9, NOW)

    assert registry.identify(new, "fresh" * 9) == Identity(old, "TH-001", "Quận Bắc", issued=new)
    assert registry.identify(new, key) is None
    registry.revoke_agent(old)
    assert registry.identify(new, "fresh" * 9) is None
    assert why_not(registry.database, new, "fresh" * 9) == MERGED


@pytest.mark.parametrize("everybody", [True, False])
def test_a_merged_agent_is_asked_for_a_new_key_by_its_listed_name(registry: Registry, *, everybody: bool) -> None:
    (old, _), (new, _) = newcomer(registry), newcomer(registry)
    merge_agents(registry.database, old, new, "lan")

    assert want_new_keys(registry.database, None if everybody else old, "lan") == 1
    assert fact(registry, old).new_key_wanted
    asked = Asking(Identity(old, "TH-001", "Quận Bắc", issued=new), "", "", "")
    assert answer(registry.database, asked).headers["Haidang-New-Key"] == "wanted"

    offer_key(registry.database, new, "fresh" * 9, NOW)
    assert registry.identify(new, "fresh" * 9) is not None
    assert not fact(registry, old).new_key_wanted
    assert "Haidang-New-Key" not in answer(registry.database, asked).headers


def test_a_key_in_use_that_is_offered_again_stands_in_nobodys_way(registry: Registry) -> None:
    agent, _ = newcomer(registry)
    assert offer_key(registry.database, agent, "first" * 10, NOW)
    assert registry.identify(agent, "first" * 10) is not None

    assert offer_key(registry.database, agent, "first" * 10, NOW + 60)
    assert offer_key(registry.database, agent, "second" * 10, NOW + 120)
    assert not is_lately(fact(registry, agent).doubled_at)


def test_what_is_not_one_machine_is_not_merged(registry: Registry) -> None:
    (first, _), (second, _), (far, _) = newcomer(registry), newcomer(registry), newcomer(registry, "THCS-002")
    for old, new in ((first, first), (first, far), (first, "a-none")):
        with pytest.raises(AgentKeyError, match="are not two agents of one unit"):
            merge_agents(registry.database, old, new, "lan")
    registry.revoke_agent(second)
    with pytest.raises(AgentKeyError, match="is revoked"):
        merge_agents(registry.database, first, second, "lan")
    merge_agents(registry.database, second, first, "lan")
    with pytest.raises(AgentKeyError, match=f"'{first}' counts as '{second}' already"):
        merge_agents(registry.database, second, first, "lan")
