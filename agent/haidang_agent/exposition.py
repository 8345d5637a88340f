"""Samples in the Prometheus text format, by prometheus_client, which is loaded only when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric as Family

    from haidang_agent.probe import Sample

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class _Families:
    """What `generate_latest` reads: a registry with nothing but `collect`."""

    def __init__(self, samples: Iterable[Sample]) -> None:
        self._samples = samples

    def collect(self) -> Iterator[Family]:
        from prometheus_client.metrics_core import Metric as Family  # noqa: PLC0415 - 2 MiB on demand

        families: dict[str, Family] = {}
        for metric, value, labels in self._samples:
            whole = metric.part_of or metric
            family = families.get(whole.name)
            if family is None:
                kind = "histogram" if metric.part_of else metric.kind
                family = families[whole.name] = Family(whole.name.removesuffix("_total"), whole.help, kind)
            family.add_sample(metric.name, dict(zip(metric.labels, labels, strict=True)), value)
        return iter(families.values())


def expose(samples: Iterable[Sample]) -> bytes:
    """Text format 0.0.4 with HELP and TYPE."""
    from prometheus_client import generate_latest  # noqa: PLC0415 - 2 MiB on demand

    return generate_latest(_Families(samples))
