"""The whole way, with the real servers, whichever store there is."""

from __future__ import annotations

import itertools
import random
import time
from typing import TYPE_CHECKING

from tests.e2e.city import UNIT
from tests.waiting import eventually

if TYPE_CHECKING:
    from tests.e2e.city import City

PUSH_SECONDS = 5
START_SECONDS = 5.0
"""From the agent's start to its first snapshot; one that is killed again before it leaves no mark."""
LATE = 1.6
"""Of a push interval, on a machine that is busy; one snapshot that is missing would make it two."""
ISPS = ("VNPT", "Viettel")


def a_school_loses_its_internet_and_a_person_is_told(city: City) -> None:
    """
    The alert reaches a mailbox within 60 s of the cut; whatever is killed meanwhile, the series have neither gap nor
    duplicate afterwards, and the samples counted at the source are those that the store has.
    """
    eventually("the school's Internet is known", lambda: city.value("unit:school_internet_up") == 1, seconds=40)

    cut_at = time.time()
    for isp in ISPS:
        city.school.cut_fibre(isp)
    told = city.mail("firing", "InternetDown", seconds=70)
    assert told.received - cut_at <= 60
    assert "mất Internet" in told.subject
    assert "no Internet" in told.subject
    assert UNIT in told.subject

    for name in random.sample(["agent", "collector", city.store], k=3):
        city.kill_and_restart(name, after=random.uniform(0.5, city.restart_seconds))
    for isp in ISPS:
        city.school.repair(isp)
    city.kill_and_restart("collector", after=random.uniform(0.2, 1))
    city.kill_and_restart("agent", after=random.uniform(0.2, 1))
    city.kill_and_restart(city.store, after=random.uniform(0.2, 1))

    city.mail("resolved", "InternetDown", seconds=120)
    eventually("the outbox drains", lambda: city.value("haidang_outbox_snapshots") <= 1, seconds=60)
    source = city.stop_agent()
    eventually("every sample is stored", lambda: city.stored_samples() >= source.samples, seconds=20)

    assert city.stored_samples() == source.samples
    stamps = [float(at) for at, _ in city.query("haidang_snapshots_total[1h]")[0]["values"]]
    assert len(stamps) == len(set(stamps)) == source.snapshots
    for earlier, later in itertools.pairwise(stamps):
        absences = [a for a in city.absences if a.program == "agent" and earlier < a.begin < later]
        away = sum(absence.end - absence.begin + START_SECONDS for absence in absences)
        assert later - earlier <= PUSH_SECONDS * LATE + away, f"{later - earlier:.1f} s without a snapshot, {absences}"
    assert len(city.mails("firing", "InternetDown")) == 1, "one incident, one message"
    assert len(city.mails("resolved", "InternetDown")) == 1
