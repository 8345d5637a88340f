"""What rules remember of a unit from one evaluation to the next, so that they go on where a simulated past ends."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from haidang_collector.simulate.series import Series, labelled, pointwise, stepwise
from haidang_collector.simulate.standing import AFTERNOON_SECONDS, MORNING_SECONDS, news_lag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_collector.centre.school_time import Calendar
    from haidang_collector.simulate.model import SimUnit
    from haidang_collector.simulate.past import Chapter

DEADLINES = {"morning": time(8), "afternoon": time(17)}
"""When the news has to be read (R10)."""
SLACK = timedelta(minutes=4)
"""In which a deadline is judged after it."""


def memory_of(story: Sequence[Chapter], calendar: Calendar) -> Iterator[Series]:
    """Of rooms, how many computers have been seen since when; and whether the news was in time at each deadline."""
    last = story[-1]
    if last.unit.presence == "heard":
        began = next(chapter.begin for chapter in story if chapter.unit.presence == "heard")
        yield from _rooms(last, began)
    yield from _news(last.unit, calendar)


def _rooms(last: Chapter, began: float) -> Iterator[Series]:
    for room in last.unit.rooms:
        labels = labelled({"unit": last.unit.code, "district": last.unit.district, "lab": room.name})
        figures: dict[str, float] = {"seen:count": room.seen, "seen_since:timestamp_seconds": began}
        moments = ["seen:timestamp_seconds"]
        if room.online:
            figures["used_since:timestamp_seconds"] = began
            moments.append("used:timestamp_seconds")
        if last.watched or room.seen >= (room.declared or 0):
            figures["measured:count"] = room.seen
            moments.append("measured:timestamp_seconds")
        for name, value in figures.items():
            yield Series(f"unit:school_lab_{name}", labels, "memory", stepwise([(began, value)]))
        for name in moments:
            yield Series(f"unit:school_lab_{name}", labels, "memory", pointwise(lambda times: map(float, times)))


def _news(unit: SimUnit, calendar: Calendar) -> Iterator[Series]:
    if (lag := news_lag(unit)) is None:
        return

    def judged(deadline: str, times: Sequence[int]) -> Iterator[float | None]:
        for at in times:
            now = datetime.fromtimestamp(at, calendar.zone)
            today = now.date()
            due = datetime.combine(today, DEADLINES[deadline], calendar.zone)
            before = calendar.day_before(today)
            if not calendar.hours_of(today) or before is None or not due <= now < due + SLACK:
                yield None
            elif deadline == "afternoon":
                yield float(lag <= AFTERNOON_SECONDS)
            else:
                yield float(lag <= (today - before - timedelta(days=1)).total_seconds() + MORNING_SECONDS)

    for deadline in DEADLINES:
        labels = labelled({"unit": unit.code, "district": unit.district, "deadline": deadline})

        def values(times: Sequence[int], deadline: str = deadline) -> Iterator[float | None]:
            return judged(deadline, times)

        yield Series("unit:school_news_on_time:sampled", labels, "deadline", pointwise(values))
