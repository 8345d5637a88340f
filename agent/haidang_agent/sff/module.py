"""What is known of a module, whatever its layout."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind = Literal["SFF-8079", "SFF-8472", "SFF-8636", "CMIS", "unknown"]
Medium = Literal["fibre", "copper", "unknown"]
Quantity = Literal["temperature", "voltage", "bias", "tx_power", "rx_power"]
"""In this order everywhere in the standards: degrees Celsius, volts, milliamperes, dBm, dBm."""

QUANTITIES: tuple[Quantity, ...] = ("temperature", "voltage", "bias", "tx_power", "rx_power")


@dataclass(frozen=True, slots=True)
class Limits:
    """The maker's thresholds for one quantity, in its unit; None where not set."""

    high_alarm: float | None
    low_alarm: float | None
    high_warning: float | None
    low_warning: float | None


NOT_SET = Limits(None, None, None, None)


@dataclass(frozen=True, slots=True)
class Lane:
    """One optical lane; None for what is not measured, and for no light."""

    rx_dbm: float | None = None
    tx_dbm: float | None = None
    bias_ma: float | None = None


@dataclass(frozen=True, slots=True)
class Module:
    """One module as it describes itself. `kind` is the standard it follows, SFF-8079 an SFP without diagnostics.

    With several lanes, `rx_dbm` and `tx_dbm` are the weakest lane's and `bias_ma` the highest; a lane without light
    makes the power None, for the link as a whole then has none. `rx_low_dbm` is the module's own low alarm threshold.
    `rx_power_type` says whether received power is average or optical modulation amplitude. `alarms` are the flags that
    stand, `problems` what is missing or wrong, in English.
    """

    kind: Kind
    identifier: str
    connector: str | None = None
    vendor: str | None = None
    oui: str | None = None
    part: str | None = None
    revision: str | None = None
    wavelength_nm: float | None = None
    reach_metres: int | None = None
    medium: Medium = "unknown"
    rx_dbm: float | None = None
    tx_dbm: float | None = None
    rx_low_dbm: float | None = None
    rx_power_type: Literal["average", "OMA"] | None = None
    temperature_celsius: float | None = None
    voltage: float | None = None
    bias_ma: float | None = None
    lanes: tuple[Lane, ...] = ()
    limits: Mapping[Quantity, Limits] = field(default_factory=dict)
    alarms: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
