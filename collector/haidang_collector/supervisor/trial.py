"""The unit made for this machine, and the enrolment of its agent by the way every school goes."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import DBAPIError

from haidang_collector.registry.database import Database
from haidang_collector.registry.location import sqlite_url
from haidang_collector.registry.models import Agent, Unit
from haidang_collector.registry.tokens import create_token
from haidang_collector.supervisor.plan import UpError
from haidang_collector.supervisor.programs import own

if TYPE_CHECKING:
    from haidang_collector.supervisor.plan import Plan

UNIT = "TRIAL"
DISTRICT = "TRIAL"
UNIT_NAME = "Máy dùng thử"
TOKEN_LIFETIME = timedelta(minutes=10)


def needs_enrolment(plan: Plan) -> bool:
    """Sees to the unit; False where this machine's agent is known already, even if revoked since. Raises UpError."""
    try:
        with closing(Database(sqlite_url(plan.data))) as database, database.write() as session:
            if session.get(Unit, UNIT) is None:
                session.add(Unit(code=UNIT, name=UNIT_NAME, district=DISTRICT, level="mixed", students={}))
            return session.get(Agent, _agent_id(plan)) is None
    except DBAPIError as failed:
        raise UpError(f"{plan.data}: {failed.orig}") from None


def enrol(plan: Plan) -> None:
    """A token, and the agent's own command, which asks the running collector. Raises UpError."""
    with closing(Database(sqlite_url(plan.data))) as database:
        token = create_token(database, UNIT, uses=1, lifetime=TOKEN_LIFETIME).token
    done = subprocess.run(  # noqa: S603 - our own program
        [own("haidang-agent"), "enrol", "--force", "--config", plan.agent_config],
        env={**os.environ, "HAIDANG_TOKEN": token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        start_new_session=True,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise UpError(plan.words("this machine's agent could not be enrolled: %(reason)s") % {"reason": reason})


def _agent_id(plan: Plan) -> str:
    """Who the agent is, as its own file says; nobody yet, or a file of no use, is ""."""
    try:
        who = json.loads((plan.agent_config.parent / "credentials.json").read_text(encoding="utf-8"))
        return str(who["agent"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return ""
