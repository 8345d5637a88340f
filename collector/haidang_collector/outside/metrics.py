"""What was found from outside, as a metric."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import select

from haidang_collector.registry.models import OutsidePort, Unit

if TYPE_CHECKING:
    from prometheus_client.metrics_core import Metric

    from haidang_collector.registry.database import Database

KNOWN_SECONDS = 2 * 86400.0


def ports_open(database: Database) -> Metric:
    """Absent where the port was not looked at for two days."""
    family = GaugeMetricFamily(
        "school_outside_port_open",
        "1 if the unit's line took a connection to this TCP port from the Internet, 0 if it did not.",
        labels=("unit", "district", "port"),
    )
    query = (
        select(OutsidePort.unit, Unit.district, OutsidePort.port, OutsidePort.open)
        .join(Unit, Unit.code == OutsidePort.unit)
        .where(OutsidePort.looked_at >= time.time() - KNOWN_SECONDS)
        .order_by(OutsidePort.unit, OutsidePort.port)
    )
    with database.read() as connection:
        for unit, district, port, is_open in connection.execute(query):
            family.add_metric((unit, district, str(port)), float(is_open))
    return family
