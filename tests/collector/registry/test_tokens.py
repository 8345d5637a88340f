from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from haidang_collector.registry.models import EnrolmentToken
from haidang_collector.registry.tokens import (
    Applicant,
    Enrolled,
    UnknownUnitError,
    create_token,
    enrol,
    list_tokens,
    revoke_token,
)
from sqlalchemy import update

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

HOUR = timedelta(hours=1)


def asking(token: str, key: str = "k" * 43) -> Applicant:
    return Applicant(token, key, ("site",), "0.1.0", "linux")


def expire(registry: Registry) -> None:
    with registry.database.write() as session:
        session.execute(update(EnrolmentToken).values(expires_at=datetime.now(UTC)))


def test_a_token_lets_one_agent_in_once(registry: Registry) -> None:
    made = create_token(registry.database, "TH-001", uses=1, lifetime=HOUR)

    first = enrol(registry.database, asking(made.token))
    second = enrol(registry.database, asking(made.token, "x" * 43))

    assert re.fullmatch("[a-z2-7]{32}", made.token)
    assert first is not None
    assert re.fullmatch("a-[a-z2-7]{12}", first.agent)
    assert first.unit == "TH-001"
    assert second is None


def test_a_lost_answer_is_given_again_even_when_the_token_has_ended(registry: Registry) -> None:
    """
    The agent may come back after days without Internet: it was let in, only it never heard so.
    """
    made = create_token(registry.database, "TH-001", uses=1, lifetime=HOUR)
    first = enrol(registry.database, asking(made.token))
    expire(registry)
    revoke_token(registry.database, made.id)

    again = enrol(registry.database, asking(made.token))

    assert first is not None
    assert again == Enrolled(first.agent, first.unit, again=True)
    assert len(registry.agents()) == 1


def test_a_revoked_agent_gets_no_answer_again(registry: Registry) -> None:
    made = create_token(registry.database, "TH-001", uses=2, lifetime=HOUR)
    first = enrol(registry.database, asking(made.token))
    assert first is not None
    registry.revoke_agent(first.agent)

    assert enrol(registry.database, asking(made.token)) is None


@pytest.mark.parametrize("end", ["expired", "revoked", "unknown"])
def test_an_ended_token_lets_nobody_in(registry: Registry, end: str) -> None:
    made = create_token(registry.database, "TH-001", uses=5, lifetime=HOUR)
    if end == "expired":
        expire(registry)
    if end == "revoked":
        assert revoke_token(registry.database, made.id)

    assert enrol(registry.database, asking("unknown" if end == "unknown" else made.token)) is None
    assert registry.agents() == []


@pytest.mark.parametrize("uses", [1, 3])
def test_of_agents_racing_for_the_last_use_one_wins(registry: Registry, uses: int) -> None:
    made = create_token(registry.database, "TH-001", uses=uses, lifetime=HOUR)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: enrol(registry.database, asking(made.token, f"{n:043}")), range(8)))

    assert sum(answer is not None for answer in answers) == uses
    assert len(registry.agents()) == uses


def test_one_agent_asking_many_times_at_once_is_one_agent(registry: Registry) -> None:
    made = create_token(registry.database, "TH-001", uses=5, lifetime=HOUR)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: enrol(registry.database, asking(made.token)), range(8)))

    assert len({answer.agent for answer in answers if answer is not None}) == 1
    assert sorted(answer.again for answer in answers if answer is not None) == [False, *[True] * 7]
    assert list_tokens(registry.database)[0].uses_left == 4


def test_tokens_are_listed_by_state_and_newest_first(registry: Registry) -> None:
    ids = {}
    for state in ("revoked", "used", "usable"):
        made = create_token(registry.database, "TH-001", uses=1, lifetime=HOUR)
        ids[made.id] = state
        if state == "used":
            enrol(registry.database, asking(made.token))
        if state == "revoked":
            revoke_token(registry.database, made.id)

    listed = list_tokens(registry.database)

    assert [token.state for token in listed] == ["usable", "used", "revoked"]
    assert {token.id: token.state for token in listed} == ids
    expire(registry)
    assert [token.state for token in list_tokens(registry.database)] == ["expired", "expired", "revoked"]


@pytest.mark.parametrize("wrong", ["", "%", "_" * 12, "0" * 11, "0" * 12])
def test_only_a_whole_id_revokes(registry: Registry, wrong: str) -> None:
    create_token(registry.database, "TH-001", uses=1, lifetime=HOUR)

    assert not revoke_token(registry.database, wrong)
    assert list_tokens(registry.database)[0].state == "usable"


def test_no_token_for_an_unknown_unit(registry: Registry) -> None:
    with pytest.raises(UnknownUnitError, match="no unit 'TH-999'"):
        create_token(registry.database, "TH-999", uses=1, lifetime=HOUR)


def test_neither_token_nor_key_is_kept(registry: Registry) -> None:
    made = create_token(registry.database, "TH-001", uses=1, lifetime=HOUR)
    enrol(registry.database, asking(made.token, "SECRET" * 8))
    if registry.database.is_sqlite:
        files = Path(registry.database.url.database or "").parent.glob("registry.db*")
        kept = b"".join(file.read_bytes() for file in files)
        assert made.id.encode() in kept
    else:
        with registry.database.read() as connection:
            rows = [connection.exec_driver_sql(f"SELECT * FROM {name}").all() for name in ("agent", "enrolment_token")]
        kept = repr(rows).encode()

    assert made.token.encode() not in kept
    assert b"SECRETSECRET" not in kept
