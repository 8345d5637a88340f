"""Messages on their way: one has each, for a while; nothing is lost, and what may have come twice is counted."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TYPE_CHECKING

from haidang_collector.incidents.finding import events
from haidang_collector.notify.channels import Outcome
from haidang_collector.notify.outbox import claim, pause, prune, settle, waiting
from haidang_collector.notify.settings import Limits

from tests.collector.notify.conftest import NOON

if TYPE_CHECKING:
    from tests.collector.notify.conftest import Office

LIMITS = Limits()
EXPIRE = timedelta(hours=LIMITS.expire_hours)
LEASE = timedelta(seconds=LIMITS.lease_seconds)
GATHERED = NOON + timedelta(seconds=10)


def many(office: Office) -> None:
    office.tell(NOON, "U1", "U2", "U3", "U4")
    assert len(office.compose(GATHERED)) == 4


def test_several_collectors_do_not_take_the_same(office: Office) -> None:
    many(office)
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: claim(office.database, GATHERED, 2, LIMITS).parcels, range(4)))
    numbers = [parcel.id for parcels in taken for parcel in parcels]

    assert sorted(numbers) == [1, 2, 3, 4]


def test_what_a_killed_process_had_is_taken_again_and_counted(office: Office) -> None:
    many(office)
    lost = claim(office.database, GATHERED, 2, LIMITS)
    before = claim(office.database, GATHERED + LEASE - timedelta(seconds=1), 10, LIMITS)
    after = claim(office.database, GATHERED + LEASE, 10, LIMITS)

    assert (len(lost.parcels), lost.in_doubt) == (2, 0)
    assert (len(before.parcels), before.in_doubt) == (2, 0)
    assert ([parcel.attempt for parcel in after.parcels], after.in_doubt) == ([2, 2], 2)


def test_the_word_of_who_was_given_up_no_longer_counts(office: Office) -> None:
    many(office)
    (late,) = claim(office.database, GATHERED, 1, LIMITS).parcels
    again = next(p for p in claim(office.database, GATHERED + LEASE, 10, LIMITS).parcels if p.id == late.id)

    assert not settle(office.database, late, Outcome("failed", "550"), GATHERED + LEASE)
    assert settle(office.database, again, Outcome("sent", "250"), GATHERED + LEASE)
    assert not settle(office.database, again, Outcome("later", "451"), GATHERED + LEASE)
    assert (office.messages()[late.id - 1].state, office.messages()[late.id - 1].answer) == ("sent", "250")


def test_what_was_not_taken_is_tried_again_later_and_later(office: Office) -> None:
    many(office)
    (first,) = claim(office.database, GATHERED, 1, LIMITS).parcels
    settle(office.database, first, Outcome("later", "451 greylisted"), GATHERED)
    message = office.messages()[first.id - 1]

    assert (message.state, message.answer, message.attempts) == ("queued", "451 greylisted", 1)
    assert timedelta(seconds=2.5) <= message.next_at - GATHERED <= timedelta(seconds=5)
    pauses = [pause(attempt).total_seconds() for attempt in range(1, 40)]
    assert all(2.5 * 2**n <= seconds <= 5 * 2**n for n, seconds in enumerate(pauses[:7]))
    assert all(450 <= seconds <= 900 for seconds in pauses[8:])


def test_what_no_provider_takes_in_time_is_given_up_and_said(office: Office) -> None:
    many(office)
    claimed = claim(office.database, NOON + EXPIRE + timedelta(minutes=1), 10, LIMITS)

    assert (claimed.parcels, claimed.expired) == ([], 4)
    assert {message.state for message in office.messages()} == {"expired"}
    assert waiting(office.database).messages == 0


def test_who_was_told_stands_in_the_time_line(office: Office) -> None:
    many(office)
    office.settle_all(GATHERED, Outcome("sent", "250"))
    lines = events(office.database, [1, 2, 3, 4])

    assert {number: [(event.who, event.what, event.text) for event in line] for number, line in lines.items()} == {
        1: [("Cô Lan", "told", "e-mail")],
        2: [("Thầy Hùng", "told", "e-mail")],
        3: [("Cô Mai", "told", "e-mail")],
        4: [("Ông so", "told", "e-mail")],
    }
    assert waiting(office.database) == (0, None)


def test_what_was_sent_is_forgotten_at_last_and_what_was_not_is_kept(office: Office) -> None:
    """
    Of four messages one was sent, one refused for good, one expired, and one waits.
    """
    many(office)
    for number, state in enumerate(("sent", "failed", "later")):
        (parcel,) = claim(office.database, GATHERED, 1, LIMITS).parcels
        assert parcel.id == number + 1
        settle(office.database, parcel, Outcome(state, "its word"), GATHERED)  # type: ignore[arg-type]
    keep = timedelta(days=LIMITS.keep_days)

    assert prune(office.database, GATHERED + keep, LIMITS) == 0
    claim(office.database, GATHERED + keep, 1, LIMITS)
    assert prune(office.database, GATHERED + keep + LEASE + timedelta(seconds=1), LIMITS) == 1
    assert prune(office.database, GATHERED + 2 * keep, LIMITS) == 0
    assert sorted(message.state for message in office.messages()) == ["expired", "failed", "queued"]


def test_how_much_waits_and_how_long(office: Office) -> None:
    many(office)
    claim(office.database, GATHERED, 1, LIMITS)

    assert waiting(office.database) == (4, GATHERED)
