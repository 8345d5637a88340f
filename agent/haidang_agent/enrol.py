"""Enrolment: a unit's token for an id of one's own.

The key is made here and stored before the centre is asked, so that an answer lost on the way can be asked for again.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

from haidang_agent import __version__, credentials
from haidang_agent.centre import Centre, UnreachableError
from haidang_agent.credentials import PENDING_FILE, Credentials

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

OK, CREATED, UNAUTHORIZED = 200, 201, 401


class EnrolError(Exception):
    """It did not work; the text says why and what to do."""


def enrol(
    url: str,
    token: str,
    state_dir: Path,
    roles: Sequence[str],
    ca: Path | None = None,
    *,
    pins: Sequence[str] = (),
    relay: str = "",
    shown: tuple[str, str] = ("", ""),
    force: bool = False,
) -> Credentials:
    """Enrol this machine. One that has an id keeps it, unless `force`. Raises EnrolError, CredentialsError."""
    kept = None if force else credentials.load(state_dir)
    if kept is not None and kept.agent:
        return kept
    mine = credentials.load(state_dir, PENDING_FILE) or Credentials(credentials.new_key())
    credentials.save(state_dir, mine, PENDING_FILE)
    request = {
        "token": token,
        "key": mine.key,
        "roles": list(roles),
        "version": __version__,
        "os": sys.platform,
    }
    try:
        centre = Centre(url, ca, pins=pins, relay=relay, shown=shown)
        answer = centre.enrol(request)
        centre.close()
    except (ValueError, UnreachableError) as failed:
        raise EnrolError(str(failed)) from failed
    if answer.status == UNAUTHORIZED:
        raise EnrolError("the token is unknown, used up or expired; ask your district or department for a new one")
    if answer.status not in (OK, CREATED):
        said = answer.text.replace(token, "(token)").replace(mine.key, "(key)")
        raise EnrolError(f"the collector answered {answer.status}: {said}")
    try:
        issued = json.loads(answer.body)
        mine = Credentials(mine.key, agent=issued["agent"], unit=issued["unit"])
        if not mine.agent:
            raise ValueError
    except (ValueError, KeyError, TypeError):
        raise EnrolError(f"{url} answered something that no collector says; is the address right?") from None
    credentials.save(state_dir, mine)
    (state_dir / PENDING_FILE).unlink(missing_ok=True)
    return mine
