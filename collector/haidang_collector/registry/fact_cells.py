"""Reads one cell of a table of facts: text that is not empty into a value, or BadCellError says what is wrong."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from datetime import date, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from haidang_reach.address import parse

from haidang_collector.centre.ports import asked_ports
from haidang_collector.registry.fact_words import PUBLIC_SERVICES, SEASONS, word, yes_no
from haidang_collector.registry.models import EMAIL_LENGTH, PERSON_LENGTH, URL_LENGTH, WORD_LENGTH
from haidang_collector.registry.said import _
from haidang_collector.registry.sheet import RUN_BY_SPREADSHEETS

if TYPE_CHECKING:
    from collections.abc import Mapping

Value = str | int | float | date | None
Reader = Callable[[str], Value]

EXCEL_EPOCH = date(1899, 12, 30)
"""Day 0 of the serial numbers of spreadsheets, right from 1 March 1900 on (ECMA-376 part 1, 18.17.4.1)."""
FIRST_YEAR, LAST_YEAR = 1990, 2100
MOST_MBIT = 400_000
MOST_NETWORKS, MOST_SWITCHES, MOST_PORTS, MOST_MACHINES = 64, 64, 128, 256
"""In one room; a range is one port. Agents compare the ports of every two rooms."""
SHOWN = 60
ONE_OF = _("write one of %(known)s")
_NOT_BURNT_IN = 0x3
"""The bits of a MAC address's first byte for groups and for addresses that a machine draws itself (IEEE 802)."""
_SERVICE = re.compile(r"(?=.{1,24}\Z)[a-z0-9]+(_[a-z0-9]+)*")
SEASON = re.compile(r"[a-z0-9]{1,24}")
"""A service's name up to its first underscore may be one."""
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}")
_PORT = re.compile(r"[A-Za-z0-9][ -:<-~]{0,63}")
"""As devices name their interfaces: ASCII, without a semicolon."""
_RANGE = re.compile(r".*?([0-9]{1,9})-([0-9]{1,9})")
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NUM!", "#NULL!"})
_GROUPED = re.compile(r"[1-9][0-9]{0,2}([., ][0-9]{3})+")
_DOMAIN = re.compile(r"(?=.{4,253}\Z)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
_MAILBOX = re.compile(r"[A-Za-z0-9._%+-]{1,64}")
_ISO = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})( [0-9:.]+)?")
_DAY_FIRST = re.compile(r"([0-9]{1,2})[/.-]([0-9]{1,2})[/.-]([0-9]{4})")
_SERIAL = re.compile(r"[0-9]{5}(\.[0-9]+)?")


class BadCellError(ValueError):
    """`reason`: what is wrong; `fix`: what to write instead."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason, fix)
        self.reason, self.fix = reason, fix


def refuse_formula(text: str) -> None:
    """Formulas are never worked out here, and what a spreadsheet could not work out is no value."""
    if text.startswith("="):
        raise BadCellError(_("is a formula"), _("copy the column and paste it as values"))
    if text.upper() in _ERRORS:
        raise BadCellError(_("is a spreadsheet's error"), _("mend the formula, or leave the cell empty"))


def words(longest: int) -> Reader:
    """Any text that is safe in a page, a sheet and a log line."""

    def read(text: str) -> str:
        if len(text) > longest:
            raise BadCellError(
                _("has %(count)s characters", count=len(text)), _("write at most %(most)s", most=longest)
            )
        if not text.isprintable():
            raise BadCellError(_("has a line break or control character"), _("remove it, or close the quotes"))
        if text.startswith(RUN_BY_SPREADSHEETS):
            raise _run_by_spreadsheets(text)
        return text

    return read


def name(text: str) -> str:
    """A short name that configuration and labels carry, as wan1."""
    if not re.fullmatch(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{WORD_LENGTH - 1}}}", text):
        raise BadCellError(_("is no name of a line"), _("write it as wan1: letters, digits, '-', '_', '.'"))
    return text


def one_of(known: Mapping[str, str], otherwise: str = ONE_OF) -> Reader:
    """One of the words of `known`, spelt in any way people do; `otherwise` is the msgid that says what to write."""

    def read(text: str) -> str:
        meant = word(text, known)
        if meant is None:
            raise BadCellError(_("is none of the known"), _(otherwise, known=", ".join(known.values())))
        return meant

    return read


def flag(text: str) -> bool:
    meant = yes_no(text)
    if meant is None:
        raise BadCellError(_("is neither yes nor no"), _("write có or không"))
    return meant


def whole(least: int, most: int) -> Reader:
    """A whole number in digits. Thousands separators are refused: some write 1.234 for 1234, others for 1 and a bit."""

    def read(text: str) -> int:
        if _GROUPED.fullmatch(text):
            raise BadCellError(
                _("has a separator"), _("write digits only, as %(number)s", number=re.sub("[., ]", "", text))
            )
        if not re.fullmatch("[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise BadCellError(
                _("is no such number"), _("write digits only, %(least)s to %(most)s", least=least, most=most)
            )
        return int(text)

    return read


def mbit(text: str) -> float:
    """Mbit/s, with at most two decimals: three digits after a point may be thousands."""
    if not re.fullmatch(r"[0-9]{1,6}([.,][0-9]{1,2})?", text):
        raise BadCellError(
            _("is no number of Mbit/s"), _("write the number alone, without a unit or separator, as 1000")
        )
    number = float(text.replace(",", "."))
    if not 0 < number <= MOST_MBIT:
        raise BadCellError(_("is no number of Mbit/s"), _("write one above 0, up to %(most)s", most=MOST_MBIT))
    return number


def day(text: str) -> date:
    """2026-11-25, 25/11/2026 (the day first, as in Vietnam), or the serial number of a spreadsheet."""
    found = _date(text)
    if found is None or not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise BadCellError(_("is no date"), _("write it as 25/11/2026 or 2026-11-25"))
    return found


def school_year(text: str) -> str:
    """Two years that follow one another, as `2025-2026`."""
    found = re.fullmatch(r"([0-9]{4})\s*[-\u2013/]\s*([0-9]{4})", text)
    if found is None or int(found[2]) != int(found[1]) + 1:
        raise BadCellError(_("is no school year"), _("write it as 2025-2026"))
    return f"{found[1]}-{found[2]}"


def cidr(text: str) -> str:
    """A network with its prefix length."""
    try:
        network = ipaddress.ip_interface(text).network
    except ValueError:
        raise BadCellError(_("is no network"), _("write it as 10.20.1.0/24")) from None
    if "/" not in text or str(network) != text.lower():
        raise BadCellError(
            _("is no network"),
            _("write %(network)s", network=network) if "/" in text else _("add its length, as 10.20.1.0/24"),
        )
    return str(network)


def networks(text: str) -> str:
    """Several of them, parted by spaces."""
    return " ".join(_listed(text, r"[;,\s]+", cidr, MOST_NETWORKS))


def macs(text: str) -> str:
    """MAC addresses as any system writes them, made lower-case with colons and parted by spaces."""
    return " ".join(_listed(text, r"[;,\s]+", _mac, MOST_MACHINES))


def ports(text: str) -> str:
    """Switches parted by semicolons: each one's host, then its interfaces parted by commas, a range at the end."""
    switches = _listed(text, r"[;\n]", _ports, MOST_SWITCHES)
    listed = sum(switch.count(",") + 1 for switch in switches)
    if listed > MOST_PORTS:
        raise BadCellError(
            _("lists %(count)s ports", count=listed),
            _("write at most %(most)s; Gi1/0/1-24 counts as one", most=MOST_PORTS),
        )
    return "; ".join(switches)


def phone(text: str) -> str:
    """Digits with the leading 0 that spreadsheets take away; +84 is Vietnam, other countries begin with 00."""
    digits = re.sub(r"[\s.()-]", "", text)
    if digits.startswith("+84"):
        digits = "0" + digits[3:].removeprefix("0")
    elif digits.startswith("+"):
        digits = "00" + digits[1:]
    elif re.fullmatch("[2-9][0-9]{8,9}", digits):
        digits = "0" + digits
    if not re.fullmatch("0[1-9][0-9]{8,9}|00[1-9][0-9]{6,14}", digits):
        raise BadCellError(_("is no telephone number"), _("write one number as 0901234567"))
    return digits


def domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text.lower()):
        raise BadCellError(_("is no mail domain"), _("write what stands behind the @, as th-mau-01.edu.vn"))
    return text.lower()


def email(text: str) -> str:
    mailbox, at, host = text.partition("@")
    if not (at and _MAILBOX.fullmatch(mailbox) and _DOMAIN.fullmatch(host.lower())) or len(text) > EMAIL_LENGTH:
        raise BadCellError(_("is no e-mail address"), _("write one address as ten@truong.edu.vn"))
    if mailbox.startswith(RUN_BY_SPREADSHEETS):
        raise _run_by_spreadsheets(mailbox)
    return f"{mailbox}@{host.lower()}"


def url(text: str) -> str:
    try:
        parts = urlsplit(text)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        sound = False
    if not sound or len(text) > URL_LENGTH or not text.isprintable() or re.search(r"""[\s"'<>]""", text):
        raise BadCellError(
            _("is no address of a site"), _("write https://… of at most %(most)s characters", most=URL_LENGTH)
        )
    if parts.username is not None or parts.password is not None:
        raise BadCellError(_("holds a user name or password"), _("leave it out"))
    return text


def site(text: str) -> str:
    """The address of a site that the centre asks too."""
    told = url(text)
    try:
        ports, address = asked_ports(), parse(told)
    except ValueError as wrong:
        raise BadCellError(_("cannot be asked for: %(why)s", why=wrong), _("mend that first")) from None
    if ports.refuse(address):
        raise BadCellError(
            _("is at port %(port)s, where the centre does not ask", port=address.port),
            _("write an address at one of %(known)s; others are for who runs the centre to allow", known=ports),
        )
    return told


def public_service(text: str) -> str:
    """A known service as people write it, or a short name of the unit's own; after `public_` it names it to agents."""
    meant = word(text, PUBLIC_SERVICES) or text
    if not _SERVICE.fullmatch(meant):
        known = ", ".join(PUBLIC_SERVICES.values())
        raise BadCellError(
            _("is no service that is known"),
            _("write one of %(known)s; or a short name of small letters, digits and '_'", known=known),
        )
    return meant


def seasons(text: str) -> str:
    """Names of the calendar's seasons, parted by spaces; one alone also as people write it."""
    if meant := word(text, SEASONS):
        return meant
    names = list(dict.fromkeys(text.split()))
    if not all(map(SEASON.fullmatch, names)) or len(text) > PERSON_LENGTH:
        raise BadCellError(
            _("is no season"), _("write one of %(known)s; or the calendar's names", known=", ".join(SEASONS.values()))
        )
    return " ".join(names)


def _listed(text: str, between: str, read: Callable[[str], str], most: int) -> list[str]:
    """Each once."""
    parts = dict.fromkeys(read(part.strip()) for part in re.split(between, text) if part.strip())
    if not parts or len(parts) > most:
        raise BadCellError(_("lists %(count)s", count=len(parts)), _("write 1 to %(most)s", most=most))
    return list(parts)


def _mac(text: str) -> str:
    digits = re.sub("[-:.]", "", text).lower()
    if not re.fullmatch("[0-9a-f]{12}", digits) or not digits.strip("0"):
        raise BadCellError(
            _("holds %(text)r, which is no MAC address", text=text[:SHOWN]), _("write it as 8c:ec:4b:00:00:01")
        )
    if int(digits[:2], 16) & _NOT_BURNT_IN:
        raise BadCellError(
            _("holds %(text)r, which no network card was made with", text=text[:SHOWN]),
            _("switch off random addresses on that machine"),
        )
    return ":".join(digits[at : at + 2] for at in range(0, 12, 2))


def _ports(text: str) -> str:
    host, _space, names = text.partition(" ")
    listed = [name.strip() for name in names.split(",")]
    if not (_HOST.fullmatch(host) and all(map(_PORT.fullmatch, listed))):
        raise BadCellError(
            _("holds %(text)r, which is no port", text=text[:SHOWN]),
            _("write the switch, then its ports, as 10.20.0.2 Gi1/0/1-24"),
        )
    for name in listed:
        ends = _RANGE.fullmatch(name)
        if ends and int(ends[1]) > int(ends[2]):
            raise BadCellError(
                _("holds %(text)r, which ends before it begins", text=name), _("write the lower number first")
            )
    return f"{host} {','.join(listed)}"


def _run_by_spreadsheets(text: str) -> BadCellError:
    said = _("begins with %(sign)r, so spreadsheets would run it", sign=text[0])
    return BadCellError(said, _("begin with a letter"))


def _date(text: str) -> date | None:
    try:
        if found := _ISO.fullmatch(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _DAY_FIRST.fullmatch(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        return None
    return EXCEL_EPOCH + timedelta(days=int(float(text))) if _SERIAL.fullmatch(text) else None
