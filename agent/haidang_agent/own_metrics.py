"""What the agent reports about itself, beside what its probes measure."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from haidang_agent import __version__
from haidang_agent.probe import Metric, Sample
from haidang_agent.relay import metrics as relay_metrics

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.outbox import OutboxStats
    from haidang_agent.shipper import ShipperState

INFO = Metric("haidang_agent_info", "The agent's version, system and roles; always 1.", ("version", "os", "roles"))
CONFIG = Metric(
    "haidang_agent_config_info",
    "Which configuration of the centre's the agent runs, by its ETag; always 1.",
    ("version",),
)
OUTBOX_WRITABLE = Metric("haidang_outbox_writable", "1 if the last snapshot could be stored, 0 if the disk refused it.")
OUTBOX_SNAPSHOTS = Metric("haidang_outbox_snapshots", "Snapshots that wait to be sent.")
OUTBOX_BYTES = Metric("haidang_outbox_bytes", "Disk that the outbox uses.")
OUTBOX_OLDEST = Metric("haidang_outbox_oldest_timestamp_seconds", "Time of the oldest snapshot that waits.")
OUTBOX_DROPPED = Metric(
    "haidang_outbox_dropped_total", "Snapshots that never reached the centre, by reason.", ("reason",), "counter"
)
SNAPSHOTS = Metric("haidang_snapshots_total", "Snapshots ever put into the outbox.", kind="counter")
SAMPLES = Metric("haidang_snapshot_samples_total", "Samples ever put into the outbox.", kind="counter")
CLOCK_OFFSET = Metric("haidang_clock_offset_seconds", "This machine's clock less the centre's.")
PUSHES = Metric("haidang_push_requests_total", "Pushes since the start, by answer.", ("answer",), "counter")
METRICS = (
    INFO, CONFIG, OUTBOX_WRITABLE, OUTBOX_SNAPSHOTS, OUTBOX_BYTES, OUTBOX_OLDEST, OUTBOX_DROPPED, SNAPSHOTS, SAMPLES,
    CLOCK_OFFSET, PUSHES, *relay_metrics.METRICS,
)  # fmt: skip
REASONS = ("size", "age", "thinned", "refused", "clock")


def own_samples(
    roles: Sequence[str],
    outbox: OutboxStats | None,
    shipper: ShipperState | None,
    clock_offset: float | None,
    *,
    writable: bool,
    config: str = "",
) -> Iterator[Sample]:
    """`outbox` None: it cannot be read now; its figures are left out. `config` empty: the centre told none."""
    yield Sample(INFO, 1.0, (__version__, sys.platform, ",".join(roles)))
    if config:
        yield Sample(CONFIG, 1.0, (config,))
    yield Sample(OUTBOX_WRITABLE, float(writable))
    if outbox is not None:
        yield Sample(OUTBOX_SNAPSHOTS, outbox.snapshots)
        yield Sample(OUTBOX_BYTES, outbox.bytes)
        if outbox.oldest_timestamp is not None:
            yield Sample(OUTBOX_OLDEST, outbox.oldest_timestamp)
        for reason in REASONS:
            yield Sample(OUTBOX_DROPPED, outbox.lost.get(reason, 0), (reason,))
        yield Sample(SNAPSHOTS, outbox.snapshots_total)
        yield Sample(SAMPLES, outbox.samples_total)
    if clock_offset is not None:
        yield Sample(CLOCK_OFFSET, clock_offset)
    if shipper is not None:
        for answer, number in shipper.requests.items():
            yield Sample(PUSHES, number, (answer,))
