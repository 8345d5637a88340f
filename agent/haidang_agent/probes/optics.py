"""What the optical modules in this router's own WAN ports say of themselves: type, light, temperature (SFF-8472, 8636).

Tells evidence `optics`, subject the WAN: `fibre`, `rx_dbm`, `tx_dbm`, `rx_low_dbm`, `temperature_celsius`, each only
where it is known, and `dark`: the module measures its light and receives none.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from haidang_agent.probe import Host, Metric, NothingToMeasureError, Probe, ProbeError, Sample, Stateless

if TYPE_CHECKING:
    from collections.abc import Iterator

    from haidang_agent import sff

log = logging.getLogger(__name__)

MODULE = Metric(
    "school_fibre_module_info",
    "The optical module in the WAN's port; always 1.",
    ("wan", "kind", "vendor", "part", "wavelength"),
)
ALARMS = Metric("school_fibre_module_alarms", "Alarms that the module raises by its maker's own thresholds.", ("wan",))

EVIDENCE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Settings:
    """Nothing to set: the ports are those of `[[wan]]`."""


def collect(_settings: Settings, host: Host) -> Iterator[Sample]:
    """Raises NothingToMeasureError where no WAN port of this machine has a module."""
    ports = {wan.name: wan.port or wan.interface for wan in host.watch.wan if wan.interface}
    found = {name: module for name, port in ports.items() if (module := _module(port)) is not None}
    if not found:
        raise NothingToMeasureError("no WAN port of this machine has an optical module")
    for name, module in found.items():
        host.evidence.tell("optics", name, _facts(module), EVIDENCE_SECONDS)
        for problem in module.problems:
            log.debug("%s: %s", name, problem)
        wavelength = f"{module.wavelength_nm:g} nm" if module.wavelength_nm else ""
        yield Sample(MODULE, 1.0, (name, module.kind, module.vendor or "", module.part or "", wavelength))
        yield Sample(ALARMS, float(len(module.alarms)), (name,))


def _module(port: str) -> sff.Module | None:
    from haidang_agent import sff  # noqa: PLC0415 - for routers only
    from haidang_agent.platform import module_eeprom  # noqa: PLC0415 - of Linux alone

    try:
        eeprom = module_eeprom.read(port)
    except PermissionError as denied:
        raise ProbeError("denied", f"{port}: {denied.strerror}; give the agent CAP_NET_ADMIN") from denied
    except OSError as silent:
        raise ProbeError("unreadable", f"{port}: the module does not answer: {silent.strerror}") from silent
    return None if eeprom is None else sff.decode(eeprom)


def _facts(module: sff.Module) -> dict[str, Any]:
    told = {
        "rx_dbm": module.rx_dbm,
        "tx_dbm": module.tx_dbm,
        "rx_low_dbm": module.rx_low_dbm,
        "temperature_celsius": module.temperature_celsius,
    }
    facts = {key: value for key, value in told.items() if value is not None}
    measures_light = module.rx_low_dbm is not None
    return facts | {"fibre": module.medium == "fibre", "dark": measures_light and module.rx_dbm is None}


PROBE = Probe(
    name="optics",
    start=partial(Stateless, collect),
    settings=Settings,
    metrics=(MODULE, ALARMS),
    every_seconds=10,
    timeout_seconds=5,
    roles=frozenset({"router"}),
    needs=frozenset({"CAP_NET_ADMIN"}),
    platforms=frozenset({"linux"}),
)
