"""Keys of agents after enrolment: renewed without a gap, given to a machine that comes back, and why one is refused.

An agent makes its new key itself, as at enrolment, and tells it while it still uses the old one. Both hold until the
new one is used for the first time; so no answer that gets lost, and no kill between two steps, locks an agent out.

Of two machines with a copy of one identity, the first that offers a key goes on. The other is told that it is a copy,
and keeps what it measured until it is enrolled as an agent of its own.
"""

from __future__ import annotations

import hmac
import secrets
import time
from typing import TYPE_CHECKING

from sqlalchemy import or_, select, update

from haidang_collector.access.audit import record
from haidang_collector.registry.credentials import secret_hash
from haidang_collector.registry.facts import is_lately
from haidang_collector.registry.models import Agent

if TYPE_CHECKING:
    from haidang_collector.registry.database import Database

REVOKED = "revoked; to let the machine in again, enrol it with a new token"
REPLACED = (
    "this key was replaced by a newer one: the disk was put back (restore software, an old image) or copied; "
    "keep the agent's state folder out of the restore, and ask for a token by `haidang agents readmit`"
)
COPIED = (
    "another machine uses this identity, with a newer key: one of the two disks is a copy; "
    "on this machine run `haidang-agent enrol --force` with a new token and restart the agent, "
    "and what it measured is sent under its own id"
)
MERGED = "this agent was merged with another of the same machine; enrol again"

PENDING_SECONDS = 600.0
"""So long a key that was offered stands against another: one machine offers the same until it is answered."""
NOTED_AGAIN_SECONDS = 60.0


class AgentKeyError(LookupError):
    """There is no such agent, or it is not in a state for this; the text says what to do."""


def want_new_keys(database: Database, agent: str | None, who: str) -> int:
    """Ask an agent, or all that may push (None), for a new key. How many. Raises AgentKeyError.

    Those that count as it are asked with it: theirs is the key of a machine that was merged.
    """
    with database.write() as session:
        asked = update(Agent).where(Agent.revoked_at.is_(None)).values(new_key_wanted=True)
        if agent is not None:
            unit = session.scalar(select(Agent.unit).where(Agent.id == agent, Agent.revoked_at.is_(None)))
            if unit is None:
                raise AgentKeyError(f"there is no agent {agent!r} that may push; `haidang agents list` shows all")
            session.execute(asked.where(or_(Agent.id == agent, Agent.merged_into == agent)))
            record(session, who, "agent.new_key", agent, unit=unit)
            return 1
        merged = session.scalars(asked.returning(Agent.merged_into)).all()
        number = merged.count(None)
        record(session, who, "agent.new_key", "all", {"agents": number})
        return number


def offer_key(database: Database, agent: str, key: str, now: float) -> bool:
    """The agent made this key and will use it from now on; the one before holds until it does.

    False: another key was offered a moment ago and not used yet, so two machines share the identity. That is noted.
    """
    digest = secret_hash(key)
    with database.write() as session:
        found = session.get_one(Agent, agent, with_for_update=True)
        if found.key_hash == digest:  # told again by an agent that was killed before it had forgotten that it told it
            return True
        waits = found.next_key_hash is not None and abs(now - (found.next_key_at or 0.0)) < PENDING_SECONDS
        if waits and found.next_key_hash != digest:
            found.doubled_at = now
            return False
        found.next_key_hash, found.next_key_at = digest, now
        return True


def use_new_key(database: Database, agent: str, digest: str) -> None:
    """The new key was used: it is the only one now. Does nothing if another process did that already."""
    with database.write() as session:
        counts_as = session.scalars(
            update(Agent)
            .where(Agent.id == agent, Agent.next_key_hash == digest)
            .values(replaced_key_hash=Agent.key_hash, key_hash=digest, next_key_hash=None, new_key_wanted=False)
            .returning(Agent.merged_into)
        ).one_or_none()
        if counts_as:
            session.execute(update(Agent).where(Agent.id == counts_as).values(new_key_wanted=False))


def why_not(database: Database, agent: str, key: str) -> str | None:
    """Why this key, which was a right one, lets nobody in; None for a key that never was. Notes who came back.

    Where the newer key is used as well, between two times that the old one came, there are two machines.
    """
    digest, now = secret_hash(key), time.time()
    columns = (
        Agent.key_hash, Agent.replaced_key_hash, Agent.revoked_at, Agent.merged_into, Agent.put_back_at,
        Agent.last_seen, Agent.doubled_at,
    )  # fmt: skip
    with database.read() as connection:
        row = connection.execute(select(*columns).where(Agent.id == agent)).one_or_none()
    if row is None:
        return None
    if hmac.compare_digest(row.key_hash, digest):
        return REVOKED if row.revoked_at else MERGED
    if row.replaced_key_hash is None or not hmac.compare_digest(row.replaced_key_hash, digest):
        return None
    both = row.put_back_at is not None and row.last_seen is not None and row.last_seen > row.put_back_at
    if row.put_back_at is None or abs(now - row.put_back_at) >= NOTED_AGAIN_SECONDS:
        noted = {"put_back_at": now} | ({"doubled_at": now} if both else {})
        with database.write() as session:
            session.execute(update(Agent).where(Agent.id == agent).values(**noted))
    return COPIED if both or is_lately(row.doubled_at) else REPLACED


def merge_agents(database: Database, old: str, new: str, who: str) -> None:
    """Both are one machine: `new` counts as `old` from now on, with the key that it has. Raises AgentKeyError."""
    with database.write() as session:
        first, second = session.get(Agent, old, with_for_update=True), session.get(Agent, new, with_for_update=True)
        if first is None or second is None or first.unit != second.unit or old == new:
            raise AgentKeyError(f"{old!r} and {new!r} are not two agents of one unit; `haidang agents list` shows all")
        for each in (first, second):
            if each.merged_into:
                raise AgentKeyError(f"{each.id!r} counts as {each.merged_into!r} already; name that one")
        if second.revoked_at:
            raise AgentKeyError(f"{new!r} is revoked; name the one that pushes now second")
        session.execute(update(Agent).where(Agent.merged_into == new).values(merged_into=old))
        second.merged_into = old
        first.replaced_key_hash, first.key_hash = first.key_hash, secret_hash(secrets.token_urlsafe())
        first.next_key_hash, first.revoked_at = None, None
        first.roles, first.version, first.os = second.roles, second.version, second.os
        first.stopped, first.new_key_wanted = second.stopped, second.new_key_wanted
        first.last_seen = max(filter(None, (first.last_seen, second.last_seen)), default=None)
        record(session, who, "agent.merged", old, {"with": new}, unit=first.unit)
