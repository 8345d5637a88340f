"""Which devices are in a network, and what each of them is."""

from __future__ import annotations

import ipaddress
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from haidang_agent.i18n import N_, _
from haidang_agent.options import add_config_argument, add_json_argument

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from haidang_agent.discovery.device import Device
    from haidang_agent.discovery.evidence import Evidence
    from haidang_agent.discovery.survey import Plan, Survey
    from haidang_agent.tables import Snmp

EXAMPLES = """examples:
  haidang-agent sweep 10.20.1.0/24
  haidang-agent sweep 10.20.1.0/24 10.20.2.0/24 --interface eth1 --explain
  haidang-agent sweep 10.20.0.0/22 --snmp 10.20.0.1 --community … --json
  haidang-agent sweep 10.20.1.0/24 --thorough --ports --capture lab-1.pcap

Names and kinds are asked for by mDNS, SSDP, WS-Discovery and NetBIOS. Devices of [[snmp]] in agent.toml are asked for
their ARP and bridge tables as well. Exit status 1: something was odd or could not be looked at, see stderr."""

FINE, PROBLEM, BAD_INPUT = 0, 1, 2
COMMUNITY_VARIABLE = "HAIDANG_SNMP_COMMUNITY"
FASTEST = 10_000.0
LARGEST_PREFIX = 20
TELL_EVERY_SECONDS = 0.2
WIDEST_VENDOR, WIDEST_REASON = 28, 70
CLASS_WORDS = {
    "computer": N_("computer"), "printer": N_("printer"), "camera": N_("camera"), "phone": N_("phone"),
    "ap": N_("access point"), "network": N_("network device"), "display": N_("display"), "other": N_("other"),
    "unknown": N_("unknown"),
}  # fmt: skip

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class UsageError(Exception):
    """What was typed cannot be meant."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "cidr", nargs="+", metavar="CIDR", help="network, as 10.20.1.0/24; IPv6 ones are only listened to"
    )
    parser.add_argument("--interface", default="", metavar="IF", help="look from there (default: where the network is)")
    parser.add_argument("--explain", action="store_true", help="all evidence of each verdict")
    parser.add_argument(
        "--thorough", action="store_true", help="ask all silent addresses again, wait longer for answers"
    )
    parser.add_argument("--ports", action="store_true", help="also try whether a few TCP ports are open")
    parser.add_argument("--quiet", action="store_true", help="ARP only: nobody is asked who it is")
    parser.add_argument("--pace", type=float, default=1000.0, metavar="N", help="frames per second at most (1000)")
    parser.add_argument(
        "--largest-prefix",
        type=int,
        default=LARGEST_PREFIX,
        metavar="N",
        help=f"networks up to this size ({LARGEST_PREFIX})",
    )
    parser.add_argument("--snmp", action="append", default=[], metavar="HOST", help="ask this router or switch as well")
    parser.add_argument("--community", metavar="C", help=f"its SNMPv2c community; or ${COMMUNITY_VARIABLE}")
    parser.add_argument(
        "--capture", type=Path, metavar="FILE", help="pcap of this network: what devices said counts too"
    )
    add_config_argument(parser)
    add_json_argument(parser)


def run(options: argparse.Namespace) -> int:
    from haidang_agent.discovery.looking import DeniedError  # noqa: PLC0415 - other commands need none of it
    from haidang_agent.discovery.survey import survey  # noqa: PLC0415

    progress = _Progress()
    try:
        plan, problems = _plan(options, progress)
        result = survey(plan)
    except UsageError as wrong:
        print(wrong, file=sys.stderr)
        return BAD_INPUT
    except LookupError as unknown:
        print(f"--interface: {unknown}", file=sys.stderr)
        return BAD_INPUT
    except (DeniedError, OSError) as failed:
        progress.end()
        print(failed, file=sys.stderr)
        return PROBLEM
    progress.end()
    problems += result.problems.told(translated=not options.json)
    if options.json:
        devices = [_as_json(device, explain=options.explain) for device in result.devices]
        print(json.dumps({"devices": devices, "virtual": result.virtual, "problems": problems}, ensure_ascii=False))
    else:
        _print_table(result, explain=options.explain)
    for problem in problems:
        print(problem, file=sys.stderr)
    return PROBLEM if problems else FINE


def _plan(options: argparse.Namespace, progress: _Progress) -> tuple[Plan, list[str]]:
    """What was typed, and what could not be read of the capture. Raises UsageError, BadConfigError."""
    from haidang_agent.discovery.survey import Plan  # noqa: PLC0415 - as above
    from haidang_agent.remote_config import load_merged  # noqa: PLC0415

    if not 0 < options.pace <= FASTEST:
        raise UsageError(f"--pace {options.pace:g}: must be above 0 and at most {FASTEST:g}")
    networks = _networks(options.cidr, options.largest_prefix)
    config = load_merged(options.config)
    known, problems = _heard(options.capture)
    plan = Plan(
        networks=networks,
        interface=options.interface,
        packets_per_second=options.pace,
        questions=not options.quiet,
        ports=options.ports,
        hurry=not options.thorough,
        is_router="router" in config.agent.roles,
        snmp=(*config.snmp, *_named_devices(options, config.snmp)),
        known=known,
        tell=progress.tell,
    )
    return plan, problems


def _networks(texts: Sequence[str], largest: int) -> tuple[Network, ...]:
    networks = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text, strict=False)
        except ValueError as wrong:
            raise UsageError(f"{text!r} is no network: {wrong}; write as 10.20.1.0/24") from wrong
        if isinstance(network, ipaddress.IPv4Network):
            if network.prefixlen < largest:
                raise UsageError(
                    f"{network} is larger than /{largest}; to look through it: --largest-prefix {network.prefixlen}"
                )
            if network.is_loopback or network.is_multicast or network.is_unspecified:
                raise UsageError(f"{network} is no network of devices")
        networks.append(network)
    return tuple(
        one for number, one in enumerate(networks)
        if not any(_within(one, other) for other in networks if other != one) and one not in networks[:number]
    )  # fmt: skip


def _within(one: Network, other: Network) -> bool:
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.subnet_of(other)
    return False


def _named_devices(options: argparse.Namespace, configured: Sequence[Snmp]) -> list[Snmp]:
    from haidang_agent.tables import Snmp  # noqa: PLC0415 - as above

    community = options.community or os.environ.get(COMMUNITY_VARIABLE) or "public"
    if options.community and not options.snmp:
        raise UsageError("--community needs --snmp")
    known = {device.host for device in configured}
    named = []
    for text in dict.fromkeys(options.snmp):
        host, colon, port = text.rpartition(":") if text.count(":") == 1 else (text, "", "161")
        if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
            raise UsageError(f"--snmp {text}: write as 10.20.0.1 or 10.20.0.1:161{colon and ''}")
        if host not in known:
            named.append(Snmp(host, int(port), community=community))
    return named


def _heard(capture: Path | None) -> tuple[dict[str, Evidence], list[str]]:
    if capture is None:
        return {}, []
    from haidang_agent.discovery.hearing import hear  # noqa: PLC0415 - as above
    from haidang_agent.lanwatch.pcap import NotACaptureError  # noqa: PLC0415

    try:
        with capture.open("rb") as stream:
            evidence, problems = hear(stream)
    except NotACaptureError as strange:
        raise UsageError(f"{capture}: neither pcap nor pcapng (it begins with {strange})") from strange
    except OSError as failed:
        raise UsageError(f"{capture}: {failed.strerror or failed}") from failed
    return evidence, [f"{capture}: {problem}" for problem in problems]


class _Progress:
    """On a terminal only, a few times a second."""

    def __init__(self) -> None:
        self._is_terminal = sys.stderr.isatty()
        self._next = time.monotonic() + TELL_EVERY_SECONDS
        self._told = False

    def tell(self, asked: int, found: int) -> None:
        if self._is_terminal and time.monotonic() >= self._next:
            self._next = time.monotonic() + TELL_EVERY_SECONDS
            self._told = True
            text = _("{asked} addresses asked, {found} found …").format(asked=asked, found=found)
            print(f"\r{text}", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._told:
            print("\r\033[K", end="", file=sys.stderr, flush=True)


def _print_table(result: Survey, *, explain: bool) -> None:
    counts: dict[str, int] = {}
    for device in result.devices:
        counts[device.verdict.class_] = counts.get(device.verdict.class_, 0) + 1
    summary = ", ".join(f"{number} {_(CLASS_WORDS[class_])}" for class_, number in sorted(counts.items()))
    print(_("{number} devices").format(number=len(result.devices)) + (f": {summary}" if summary else ""))
    rows = [(_("address"), "MAC", _("vendor"), _("class"), _("why")), *(_row(device) for device in result.devices)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for number, row in enumerate(rows):
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]).rstrip())
        if explain and number:
            _print_evidence(result.devices[number - 1])
    for mac, addresses in result.virtual.items():
        print(
            _("{mac} is the address of a group of routers, no device: {ips}").format(mac=mac, ips=", ".join(addresses))
        )


def _as_json(device: Device, *, explain: bool) -> dict[str, Any]:
    return device.as_json() | ({"evidence": list(device.evidence)} if explain else {})


def _row(device: Device) -> tuple[str, str, str, str, str]:
    vendor = _("randomised") if device.randomised else (device.vendor or "-")
    more = f" +{len(device.ips) - 1}" if len(device.ips) > 1 else ""
    class_ = _(CLASS_WORDS[device.verdict.class_])
    why = "; ".join(device.verdict.reasons)
    return (
        (device.ips[0] if device.ips else "-") + more,
        device.mac,
        vendor[:WIDEST_VENDOR],
        class_,
        why[:WIDEST_REASON],
    )


def _print_evidence(device: Device) -> None:
    from haidang_agent.discovery.verdict import SAID  # noqa: PLC0415 - as above

    verdict = device.verdict
    likely = _("how sure: {percent} %").format(percent=round(verdict.confidence * 100))
    print(f"    {likely}; " + _("known by: {ways}").format(ways=", ".join((*device.seen_by, *device.places))))
    for reason in verdict.reasons:
        print(f"    + {reason}")
    for source, text in device.evidence:
        if not any(text in reason for reason in verdict.reasons):
            print(f"    · {SAID.get(source, source + ' {}').format(text)}")
    for address in device.ips[1:]:
        print(f"    = {address}")
    for mac in device.macs:
        print(f"    = {mac}")
