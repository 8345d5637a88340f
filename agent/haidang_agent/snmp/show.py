"""A reading as tables for a person."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING

from haidang_agent.i18n import _

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from haidang_agent.snmp.interfaces import Interface
    from haidang_agent.snmp.optics import Optic
    from haidang_agent.snmp.printer import Printer
    from haidang_agent.snmp.reading import Reading
    from haidang_agent.snmp.wan_guess import Proposal

NONE = "-"
WIDEST = 40
MINUTE, HOUR, DAY = 60, 3600, 86400
SPEEDS = ((1_000_000_000, "Gbit/s"), (1_000_000, "Mbit/s"), (1_000, "kbit/s"))


def show(reading: Reading) -> Iterator[str]:
    """Lines; what the device does not tell is left out or a dash."""
    yield from _head(reading)
    if reading.interfaces:
        titles = [_("interface"), _("alias"), _("type"), _("speed"), _("admin"), _("state"), "MAC"]
        yield from _section(_("Interfaces"), titles, [_interface(each) for each in reading.interfaces])
    if reading.optics:
        titles = [_("interface"), _("received dBm"), _("sent dBm"), "°C"]
        yield from _section(_("Fibre optics"), titles, [_optic(each) for each in reading.optics])
    if reading.printer:
        yield from _printer(reading.printer)
    if reading.fdb:
        ports = Counter(row.port or NONE for row in reading.fdb)
        rows = [[port, str(number)] for port, number in ports.most_common()]
        yield from _section(_("Addresses behind ports"), [_("port"), _("addresses")], rows)
    if reading.lldp:
        rows = [[each.port, each.name or NONE, each.remote_port or NONE] for each in reading.lldp]
        yield from _section(_("Neighbours by LLDP"), [_("port"), _("neighbour"), _("its port")], rows)
    if reading.wan_interfaces:
        yield from _wans(reading.wan_interfaces)


def _head(reading: Reading) -> Iterator[str]:
    system, device = reading.system, reading.device
    up = system.uptime_seconds
    routes = (f"{route.next_hop or NONE} ({route.interface or '?'})" for route in reading.default_routes)
    kind = device.class_ if device.role is None else f"{device.class_} ({device.role})"
    facts = (
        (_("name"), system.name),
        (_("description"), system.descr),
        ("sysObjectID", system.object_id),
        (_("up for"), None if up is None else _duration(up)),
        (_("device"), " ".join(word for word in (kind, device.vendor, device.model) if word)),
        (_("because"), "; ".join(device.because())),
        (_("default route"), ", ".join(routes)),
        (_("ARP entries"), str(len(reading.arp)) if reading.arp else None),
    )
    width = max(len(title) for title, told in facts)
    yield from (f"{title:<{width}}  {told}" for title, told in facts if told)


def _interface(interface: Interface) -> list[str]:
    speed = interface.speed_bps
    cells = (interface.name, interface.alias, interface.type, _speed(speed) if speed else None)
    return [cell or NONE for cell in (*cells, interface.admin, interface.oper, interface.mac)]


def _optic(optic: Optic) -> list[str]:
    figures = (optic.rx_dbm, optic.tx_dbm, optic.temperature_celsius)
    return [optic.interface, *(NONE if figure is None else f"{figure:.1f}" for figure in figures)]


def _printer(printer: Printer) -> Iterator[str]:
    rows = [
        [supply.description or supply.type or NONE, NONE if supply.percent is None else f"{supply.percent} %"]
        for supply in printer.supplies
    ]
    yield from _section(_("Printer supplies"), [_("supply"), _("left")], rows)
    if printer.page_count is not None:
        yield _("{pages} pages printed").format(pages=printer.page_count)
    if printer.errors:
        yield _("The printer reports: {errors}").format(errors=", ".join(printer.errors))


def _wans(proposals: Sequence[Proposal]) -> Iterator[str]:
    rows = [
        [each.interface, each.isp or NONE, "; ".join(_reason(reason) for reason in each.reasons)] for each in proposals
    ]
    yield from _section(_("These look like WANs"), [_("interface"), "ISP", _("because")], rows)
    yield ""
    yield _("If so, write under [[snmp]] in agent.toml, each with the name of its [[wan]]:")
    named = ", ".join(
        f"{json.dumps(each.interface, ensure_ascii=False)} = {json.dumps(each.wan)}" for each in proposals
    )
    yield f"  wan_interfaces = {{ {named} }}"


def _reason(reason: str) -> str:
    what, colon, word = reason.partition(": ")
    return f"{_(what)}{colon}{word}"


def _section(title: str, titles: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    table = [titles, *rows]
    shown = [
        [cell if len(cell) <= WIDEST else cell[: WIDEST - 1] + "…" for cell in row[:-1]] + [row[-1]] for row in table
    ]
    widths = [max(len(row[column]) for row in shown) for column in range(len(titles))]
    yield ""
    yield title
    for row in shown:
        yield "  " + "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()


def _cut(cell: str) -> str:
    return cell if len(cell) <= WIDEST else cell[: WIDEST - 1] + "…"


def _speed(bits_per_second: int) -> str:
    for unit, name in SPEEDS:
        if bits_per_second >= unit:
            return f"{bits_per_second / unit:g} {name}"
    return f"{bits_per_second} bit/s"


def _duration(seconds: float) -> str:
    days, hours, minutes = int(seconds // DAY), int(seconds % DAY // HOUR), int(seconds % HOUR // MINUTE)
    if days:
        return _("{days} days {hours} hours").format(days=days, hours=hours)
    return _("{hours} hours {minutes} minutes").format(hours=hours, minutes=minutes)
