"""What is asked of a device to tell what it is: one GET of scalars and a few short columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from haidang_agent.snmp.session import ObjectId
from haidang_agent.snmp.values import number, text

if TYPE_CHECKING:
    from haidang_agent.snmp.session import Session, Value

ENTERPRISES = "1.3.6.1.4.1."
SYS_SERVICES, IP_FORWARDING = "1.3.6.1.2.1.1.7.0", "1.3.6.1.2.1.4.1.0"
BRIDGE_PORTS = "1.3.6.1.2.1.17.1.2.0"
HR_DESCR, HR_TYPE = "1.3.6.1.2.1.25.3.2.1.3.1", "1.3.6.1.2.1.25.3.2.1.2"
HR_PRINTER, HR_PROCESSOR, HR_DISK = (f"1.3.6.1.2.1.25.3.1.{kind}" for kind in (5, 3, 6))
IF_TYPE = "1.3.6.1.2.1.2.2.1.3"
ENTITY_CLASS, ENTITY_DESCR, ENTITY_NAME, ENTITY_MODEL = (f"1.3.6.1.2.1.47.1.1.1.1.{c}" for c in (5, 2, 7, 13))
CHASSIS, STACK = 3, 11
DOT11_PRODUCT = "1.2.840.10036.3.1.2.1.3"
PRINTER_GENERAL = ("1.3.6.1.2.1.43.5.1.1.1.1", "1.3.6.1.2.1.43.5.1.1.16.1", "1.3.6.1.2.1.43.5.1.1.17.1")
PRINTER_SUPPLIES = "1.3.6.1.2.1.43.11.1.1.6"
UPS_MIB = "1.3.6.1.2.1.33.1"
PROBE_HARDWARE = "1.3.6.1.2.1.16.19.3.0"

SHORTEST_MODEL = 4
"""Characters; some devices write only their hardware revision (`A2`) into probeHardwareRev."""


class Scalar(NamedTuple):
    """An object of a vendor's MIB that names the model; `kind` and `role` where only such devices have it."""

    mib: str
    oid: str
    vendor: str
    kind: str = ""
    role: str = ""
    is_model: bool = True


SCALARS = (
    Scalar("UPS-MIB", "1.3.6.1.2.1.33.1.1.2.0", "", "ups"),
    Scalar("PowerNet-MIB", "318.1.1.1.1.1.1.0", "APC", "ups"),
    Scalar("XUPS-MIB", "534.1.1.2.0", "Eaton", "ups"),
    Scalar("MG-SNMP-UPS-MIB", "705.1.1.1.0", "MGE UPS", "ups"),
    Scalar("SYNOLOGY-SYSTEM-MIB", "6574.1.5.1.0", "Synology", "server", "nas"),
    Scalar("NAS-MIB", "24681.1.2.12.0", "QNAP", "server", "nas"),
    Scalar("UBNT-UniFi-MIB", "41112.1.6.3.3.0", "Ubiquiti", "ap"),
    Scalar("UI-OLT-MIB", "41112.1.5.6.1.0", "Ubiquiti", "ont", "olt", is_model=False),
    Scalar("DRAYTEK-MIB", "7367.3.1.0", "DrayTek"),
    Scalar("SNWL-COMMON-MIB", "8741.2.1.1.1.0", "SonicWall", "router", "firewall"),
    Scalar("SFOS-FIREWALL-MIB", "2604.5.1.1.2.0", "Sophos", "router", "firewall"),
    Scalar("FORTINET-FORTIGATE-MIB", "12356.101.4.1.1.0", "Fortinet", "router", "firewall", is_model=False),
    Scalar("PAN-COMMON-MIB", "25461.2.1.2.2.1.0", "Palo Alto Networks", "router", "firewall"),
    Scalar("CANON-MIB", "1602.1.1.1.1.0", "Canon"),
    Scalar("KONICA-MINOLTA-MIB", "18334.1.1.1.1.6.2.1.0", "Konica Minolta", "printer"),
    Scalar("KYOCERA-MIB", "1347.43.5.1.1.1.1", "Kyocera", "printer"),
    Scalar("BROTHER-MIB", "2435.2.4.3.2435.5.13.3.0", "Brother", "printer"),
    Scalar("RicohPrivateMIB", "367.3.2.1.1.1.1.0", "Ricoh", "printer"),
    Scalar("LEXMARK-MPS-MIB", "641.2.1.2.1.2.1", "Lexmark", "printer"),
    Scalar("SAMSUNG-PRINTER-EXT-MIB", "236.11.5.1.1.1.1.0", "Samsung", "printer"),
    Scalar("MIKROTIK-MIB", "14988.1.1.7.8.0", "MikroTik"),
    Scalar("ZYXEL-ES-COMMON", "890.1.15.3.1.11.0", "Zyxel"),
    Scalar("NETGEAR-INVENTORY-MIB", "4526.10.1.1.1.3.0", "Netgear"),
    Scalar("NG-INVENTORY-MIB", "4526.11.1.1.1.3.0", "Netgear"),
    Scalar("FASTPATH-INVENTORY-MIB", "4413.1.1.1.1.1.3.0", ""),
    Scalar("JUNIPER-MIB", "2636.3.1.2.0", "Juniper"),
    Scalar("DAHUA-SNMP-MIB", "1004849.2.1.2.6.0", "Dahua", "camera"),
    Scalar("RUCKUS-HWINFO-MIB", "25053.1.1.2.1.1.1.1.0", "Ruckus"),
    Scalar("RUCKUS-ZD-SYSTEM-MIB", "25053.1.2.1.1.1.1.9.0", "Ruckus", "ap", "wireless controller"),
)
"""Below 1.3.6.1.4.1 unless written whole."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The device's answers; texts are readable, and absent where the device has no such object."""

    object_id: str
    descr: str
    scalars: dict[Scalar, str]
    chassis_model: str | None
    chassis: list[str]
    radio_product: str | None
    hr_descr: str | None
    services: int | None
    forwarding: bool
    bridge_ports: int
    interface_types: Counter[int]
    hr_types: Counter[str]
    printer_mib: bool
    ups_mib: bool

    @property
    def enterprise(self) -> int | None:
        """The number behind 1.3.6.1.4.1 in sysObjectID."""
        number_, _, _ = self.object_id.removeprefix(ENTERPRISES).partition(".")
        return int(number_) if self.object_id.startswith(ENTERPRISES) and number_.isdigit() else None


def gather(session: Session, object_id: str | None, descr: str | None) -> Facts:
    """Raises SnmpError."""
    oids = {scalar: _whole(scalar.oid) for scalar in SCALARS}
    told = session.get(
        [*oids.values(), SYS_SERVICES, IP_FORWARDING, BRIDGE_PORTS, HR_DESCR, PROBE_HARDWARE, *PRINTER_GENERAL]
    )
    scalars = {scalar: name for scalar, oid in oids.items() if (name := _name(told.get(oid)))}
    hr_types = [value for value in session.walk(HR_TYPE).values() if isinstance(value, ObjectId)]
    printer = any(oid in told for oid in PRINTER_GENERAL) or bool(session.walk(PRINTER_SUPPLIES))
    hardware = text(told.get(PROBE_HARDWARE))
    chassis_model, chassis = _chassis(session)
    if hardware and len(hardware) >= SHORTEST_MODEL:
        chassis.append(hardware)
    return Facts(
        object_id=(object_id or "").strip("."),
        descr=descr or "",
        scalars=scalars,
        chassis_model=chassis_model,
        chassis=chassis,
        radio_product=next((name for value in session.walk(DOT11_PRODUCT).values() if (name := text(value))), None),
        hr_descr=text(told.get(HR_DESCR)),
        services=number(told.get(SYS_SERVICES)),
        forwarding=told.get(IP_FORWARDING) == 1,
        bridge_ports=number(told.get(BRIDGE_PORTS)) or 0,
        interface_types=Counter(kind for value in session.walk(IF_TYPE).values() if (kind := number(value))),
        hr_types=Counter(hr_types),
        printer_mib=printer,
        ups_mib=bool(session.walk(UPS_MIB)),
    )


def _whole(oid: str) -> str:
    return oid if oid.startswith("1.3.6.1.2.1.") else ENTERPRISES + oid


def _name(value: Value | None) -> str | None:
    """A number says that the object is there, and nothing more."""
    return text(value) or (str(value) if isinstance(value, int) else None)


def _chassis(session: Session) -> tuple[str | None, list[str]]:
    """Model of the first chassis of ENTITY-MIB, and all it says.

    Of the stack or of the first part where it names no chassis; where it names no classes, the first model.
    """
    of_class: dict[int | None, str] = {}
    for row, value in session.walk(ENTITY_CLASS).items():
        of_class.setdefault(number(value), row)
    rows = [of_class[kind] for kind in (CHASSIS, STACK) if kind in of_class] or ["1"]
    told = session.get([f"{column}.{row}" for row in rows for column in (ENTITY_MODEL, ENTITY_NAME, ENTITY_DESCR)])
    models = [text(told.get(f"{ENTITY_MODEL}.{row}")) for row in rows]
    if not of_class:
        models += [text(value) for value in session.walk(ENTITY_MODEL).values()]
    return next((model for model in models if model), None), [name for value in told.values() if (name := text(value))]
