"""`haidang inventory`: machines for Ansible, by district, level and role.

The registry knows units and agents, but no machine's address: those stay in the school. Who installs by Ansible has
them in a table, and this joins the two. Format: Ansible, "Developing dynamic inventory", inventory scripts.
"""

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from haidang_collector.commands._registry import Data, opened, refuse, show_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from haidang_collector.registry.facts import AgentFact, UnitFact

NEEDED = ("host", "unit")
KNOWN = (*NEEDED, "address", "roles", "os", "groups")
MOST_BYTES = 16 << 20
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,252}")
"""A host's; nothing that Ansible takes for a pattern, a range or a port."""
GROUP = re.compile(r"[a-z_][a-z0-9_]{0,60}")
SYSTEMS = {"linux": "linux", "windows": "windows", "win32": "windows", "": "linux"}
ROLES = ("site", "router", "host")

Groups = dict[str, list[str]]
Variables = dict[str, dict[str, Any]]


class BadHostsError(ValueError):
    """A table that cannot be used; the text names line, value and the mend."""


@dataclass(frozen=True, slots=True)
class Machine:
    """One host. `unit` empty: of the centre. `own`: variables as the table gives them, `ansible_…`."""

    name: str
    unit: str
    roles: tuple[str, ...]
    system: str
    groups: tuple[str, ...]
    own: "Mapping[str, str]"
    revoked: bool = False


def command(
    list_: Annotated[bool, typer.Option("--list", help="All hosts and groups; so it is without --host, too.")] = False,
    host: Annotated[str | None, typer.Option(metavar="NAME", help="The variables of this host only.")] = None,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="YAML, as a file to keep, in the place of JSON.")] = False,
    hosts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            envvar="HAIDANG_HOSTS",
            help="CSV: host, unit; may have address, roles, os, groups, ansible_*. Default: the enrolled agents.",
        ),
    ] = None,
    data: Data = None,
) -> None:
    """Machines for Ansible, grouped by district, level, role and system.

    Example: HAIDANG_HOSTS=hosts.csv ansible-playbook -i ansible/inventory/registry ansible/playbooks/agents.yml
    """
    if list_ and host is not None:
        refuse("--list and --host exclude one another")
    with opened(data) as registry:
        units = {unit.code: unit for unit in registry.units()}
        try:
            machines = read_hosts(hosts, units) if hosts else [_enrolled(agent) for agent in registry.agents()]
        except BadHostsError as bad:
            refuse(f"{hosts}: {bad}")
    groups, variables = grouped(machines, units)
    if host is not None:
        if host not in variables:
            refuse(f"there is no host {host!r}")
        _print(variables[host], as_yaml=as_yaml)
    elif as_yaml:
        _print(_as_file(groups, variables), as_yaml=True)
    else:
        _print({"_meta": {"hostvars": variables}, **{name: {"hosts": groups[name]} for name in groups}}, as_yaml=False)


def read_hosts(file: Path, units: "Mapping[str, UnitFact]") -> list[Machine]:
    """The table's machines. Raises BadHostsError."""
    try:
        with file.open("rb") as opened_file:
            content = opened_file.read(MOST_BYTES + 1)
        text = content.decode("utf-8-sig")
    except OSError as failed:
        raise BadHostsError(failed.strerror or str(failed)) from None
    except UnicodeDecodeError:
        raise BadHostsError("is not in UTF-8; save it as CSV UTF-8") from None
    if len(content) > MOST_BYTES:
        raise BadHostsError(f"is larger than {MOST_BYTES >> 20} MiB")
    try:
        header, *rows = csv.reader(text.splitlines(), strict=True)
    except (csv.Error, ValueError) as wrong:
        raise BadHostsError(f"is no CSV with a line of column names ({wrong})") from None
    titles = [title.strip() for title in header]
    _check_titles(titles)
    machines: dict[str, Machine] = {}
    for line, row in enumerate(rows, 2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) != len(titles):
            raise BadHostsError(f"line {line} has {len(row)} columns, the first line {len(titles)}")
        machine = _machine(line, dict(zip(titles, map(str.strip, row), strict=True)), units)
        if machine.name in machines:
            raise BadHostsError(f"line {line}: host {machine.name!r} was there before; give each a name of its own")
        machines[machine.name] = machine
    return list(machines.values())


def grouped(machines: "Iterable[Machine]", units: "Mapping[str, UnitFact]") -> tuple[Groups, Variables]:
    """Hosts by group, and variables by host. Districts are called as in Grafana, `Quận 1` as `district_quan_1`.

    Who is revoked is in the groups `revoked` and of its system alone: a playbook would wait for the centre to hear it.
    """
    from haidang_collector.grafana.names import parts_of  # noqa: PLC0415 - see `opened`

    parts = parts_of(unit.district for unit in units.values())
    districts = {part.scope.district: f"district_{part.slug.replace('-', '_')}" for part in parts}
    groups: Groups = {}
    variables: Variables = {}
    for machine in machines:
        known = units.get(machine.unit)
        mine = [*machine.groups, machine.system]
        told: dict[str, Any] = dict(machine.own)
        if known is not None:
            mine += ["agents", districts[known.district], f"level_{known.level}"]
            told |= {"unit": known.code, "district": known.district, "level": known.level}
        if machine.roles:
            mine += [f"role_{role}" for role in machine.roles]
            told["agent_roles"] = list(machine.roles)
        for group in ["revoked", machine.system] if machine.revoked else dict.fromkeys(mine):
            groups.setdefault(group, []).append(machine.name)
        variables[machine.name] = told
    return dict(sorted(groups.items())), variables


def _enrolled(agent: "AgentFact") -> Machine:
    roles = tuple(role for role in agent.roles if role in ROLES)
    system, own = SYSTEMS.get(agent.os, "other"), {"agent_id": agent.agent}
    return Machine(agent.agent, agent.unit, roles, system, (), own, agent.revoked)


def _check_titles(titles: "Sequence[str]") -> None:
    for title in NEEDED:
        if title not in titles:
            raise BadHostsError(f"has no column {title!r}; there must be {', '.join(NEEDED)}")
    unknown = [title for title in titles if title not in KNOWN and not re.fullmatch(r"ansible_[a-z0-9_]+", title)]
    if unknown or len(set(titles)) != len(titles):
        wrong = f"column {unknown[0]!r} is unknown" if unknown else "a column is there twice"
        raise BadHostsError(f"{wrong}; known are {', '.join(KNOWN)} and ansible_*")


def _machine(line: int, row: "Mapping[str, str]", units: "Mapping[str, UnitFact]") -> Machine:
    name, unit = row["host"], row["unit"]
    roles, groups = tuple(row.get("roles", "").split()), tuple(row.get("groups", "").split())
    system = SYSTEMS.get(row.get("os", "").lower())
    if not NAME.fullmatch(name):
        raise BadHostsError(f"line {line}: host {name!r}: use letters, digits, dots and dashes")
    if unit and unit not in units:
        raise BadHostsError(f"line {line}: the registry has no unit {unit!r}; `haidang units list` shows all")
    if not unit and not groups:
        raise BadHostsError(f"line {line}: {name} has neither a unit nor, as a machine of the centre, groups")
    if wrong := [role for role in roles if role not in ROLES]:
        raise BadHostsError(f"line {line}: role {wrong[0]!r}: write {', '.join(ROLES)}, parted by spaces")
    if wrong := [group for group in groups if not GROUP.fullmatch(group)]:
        raise BadHostsError(f"line {line}: group {wrong[0]!r}: use small letters, digits and _")
    if system is None:
        raise BadHostsError(f"line {line}: os {row['os']!r}: write linux or windows")
    own = {title: cell for title, cell in row.items() if title.startswith("ansible_") and cell}
    if address := row.get("address"):
        own["ansible_host"] = address
    return Machine(name, unit, roles, system, groups, own)


def _as_file(groups: Groups, variables: Variables) -> dict[str, Any]:
    children = {name: {"hosts": dict.fromkeys(hosts, None)} for name, hosts in groups.items()}
    return {"all": {"hosts": variables, "children": children}}


def _print(value: dict[str, Any], *, as_yaml: bool) -> None:
    if not as_yaml:
        show_json(value)
        return
    import yaml  # noqa: PLC0415 - only here

    typer.echo(yaml.safe_dump(value, allow_unicode=True, sort_keys=False), nl=False)
