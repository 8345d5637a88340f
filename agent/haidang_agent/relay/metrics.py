"""What a relay reports about itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_agent.probe import Metric, Sample
from haidang_agent.relay.custody import FORWARDED
from haidang_agent.relay.forwarding import REASONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from haidang_agent.relay.custody import CustodyStats

CONNECTIONS = Metric("haidang_agent_relay_connections", "Connections of other agents that the relay has open.")
ANSWERS = Metric(
    "haidang_agent_relay_answers_total",
    "What other agents asked of the relay since its start, by the HTTP status answered.",
    ("answer",),
    "counter",
)
FRAMES = Metric("haidang_agent_relay_frames", "Frames of other agents that wait in the relay's custody.")
BYTES = Metric("haidang_agent_relay_bytes", "Room that they take there.")
LIMIT = Metric("haidang_agent_relay_limit_bytes", "Room that there is; what is over it stays with those agents.")
OLDEST = Metric("haidang_agent_relay_oldest_timestamp_seconds", "Time of the newest sample of the oldest frame there.")
FORWARDED_TOTAL = Metric(
    "haidang_agent_relay_forwarded_total", "Frames that the relay has handed over to the centre.", kind="counter"
)
REFUSED = Metric(
    "haidang_agent_relay_refused_total",
    "Frames in the relay's custody that the centre refused for ever, wholly or in part, by reason.",
    ("reason",),
    "counter",
)
METRICS = (CONNECTIONS, ANSWERS, FRAMES, BYTES, LIMIT, OLDEST, FORWARDED_TOTAL, REFUSED)


def relay_samples(
    kept: CustodyStats | None, limit: int, connections: int, answers: Mapping[int, int]
) -> Iterator[Sample]:
    """`kept` None: the disk does not tell now; its figures are left out."""
    yield Sample(CONNECTIONS, connections)
    for status, number in sorted(answers.items()):
        yield Sample(ANSWERS, number, (str(status),))
    yield Sample(LIMIT, limit)
    if kept is None:
        return
    yield Sample(FRAMES, kept.frames)
    yield Sample(BYTES, kept.bytes)
    if kept.oldest_timestamp is not None:
        yield Sample(OLDEST, kept.oldest_timestamp)
    yield Sample(FORWARDED_TOTAL, kept.counted.get(FORWARDED, 0))
    for reason in REASONS:
        yield Sample(REFUSED, kept.counted.get(reason, 0), (reason,))
