"""What an agent and its centre settle once a minute: the configuration, a new key, and what came on a stick.

With the question for its configuration an agent says which run of this machine it is, so that the centre notices two
machines that share an identity (a copied disk). The word for the run is of chance and says nothing of the machine.
"""

from __future__ import annotations

import hashlib
import logging
from typing import TYPE_CHECKING

from haidang_agent import credentials, outbox_export
from haidang_agent.credentials import NEXT_FILE, Credentials, CredentialsError
from haidang_agent.relay import deposits

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_agent.centre import Centre
    from haidang_agent.outbox import Outbox
    from haidang_agent.remote_config import RemoteConfig

log = logging.getLogger(__name__)

NO_CONTENT = 204
RUN_DIGITS = 16


class Errands:
    """`boot` is the word of this machine for its present run."""

    def __init__(self, state_dir: Path, outbox: Outbox, config: RemoteConfig, boot: str) -> None:
        self._state_dir = state_dir
        self._outbox = outbox
        self._config = config
        self._run = hashlib.sha256(boot.encode()).hexdigest()[:RUN_DIGITS]

    def run(self, centre: Centre) -> None:
        """Where one of them fails the others are done all the same. Raises UnreachableError, OutboxError, OSError."""
        about = {"Haidang-Run": self._run}
        exported = outbox_export.waiting(self._outbox)
        if exported:
            about["Haidang-Export"] = exported
        answer = self._config.ask(centre, about)
        is_collectors = "haidang-time" in answer.headers
        try:
            if exported and is_collectors:  # first, as it makes room on a full disk
                outbox_export.settle(self._outbox, exported, answer.headers.get("haidang-imported", ""))
        finally:
            try:
                self._config.take(answer)
            finally:
                if is_collectors and "haidang-new-key" in answer.headers:
                    self._renew_key(centre, float(answer.headers["haidang-time"]))

    def _renew_key(self, centre: Centre, now: float) -> None:
        if not deposits.are_arriving(self._outbox, now):
            renew_key(centre, self._state_dir)


def renew_key(centre: Centre, state_dir: Path) -> None:
    """Make a new key, tell the centre, use it: whatever is lost or killed in between, one that holds is on the disk.

    Nothing of it where the identity on the disk is not the one in use: somebody enrolled this machine anew, and the
    agent is yet to be restarted. Raises UnreachableError, OSError.
    """
    try:
        mine = credentials.load(state_dir)
    except CredentialsError as unusable:
        log.warning("no new key: %s", unusable)
        return
    if mine is None or not mine.agent or not centre.uses(mine.bearer):
        return
    fresh = _begun(state_dir, mine) or Credentials(credentials.new_key(), mine.agent, mine.unit)
    credentials.save(state_dir, fresh, NEXT_FILE)
    answer = centre.new_key(fresh.key)
    if answer.status != NO_CONTENT or "haidang-time" not in answer.headers:
        log.warning("the centre asked for a new key and did not take it: %d %s", answer.status, answer.text)
        return
    credentials.save(state_dir, fresh)
    (state_dir / NEXT_FILE).unlink(missing_ok=True)
    centre.use(fresh.bearer)
    log.info("this agent has a new key")


def _begun(state_dir: Path, mine: Credentials) -> Credentials | None:
    """The key that was told before and perhaps not answered."""
    try:
        begun = credentials.load(state_dir, NEXT_FILE)
    except CredentialsError as broken:
        log.warning("%s", broken)
        return None
    return begun if begun is not None and begun.agent == mine.agent and begun.key != mine.key else None
