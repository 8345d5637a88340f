"""What the registry's facts are called on pages: msgids, by kind of fact and column."""

from __future__ import annotations

from haidang_collector.evaluation.rows import _
from haidang_collector.evaluation.vocabulary import KINDS as EQUIPMENT
from haidang_collector.evaluation.vocabulary import LEVELS, ROLES
from haidang_collector.registry import unit_words
from haidang_collector.registry.fact_kinds import KINDS as FACTS
from haidang_collector.registry.fact_words import LAB_LEVELS

KINDS = {
    "units": _("The unit itself"),
    "labs": _("Computer rooms"),
    "equipment": _("Equipment"),
    "subjects": _("Subject groups"),
    "contacts": _("People in charge"),
    "plans": _("ICT plans"),
    "contracts": _("Contracts of lines"),
    "portals": _("Portal and e-mail"),
    "public_services": _("Services for parents"),
}
TITLES = {
    "units": {
        "code": _("Unit code"),
        "name": _("Name of the unit"),
        "district": _("Urban or rural district"),
        "level": _("Level of education"),
        "address": _("Address"),
        "students_kindergarten": _("Children in kindergarten"),
        "students_primary": _("Students, primary"),
        "students_lower_secondary": _("Students, lower secondary"),
        "students_upper_secondary": _("Students, upper secondary"),
        "students_continuing": _("Students, continuing education"),
    },
    "labs": {
        "name": _("Name of the room"),
        "cidr": _("Network"),
        "vlan": _("VLAN"),
        "computers": _("Computers in it"),
        "level": _("Level of education"),
        "subnets": _("Other networks"),
        "ports": _("Switch ports"),
        "machines": _("MAC addresses"),
    },
    "equipment": {"kind": _("Kind of equipment"), "number": _("Number there is")},
    "subjects": {"name": _("Subject group"), "has_computer": _("Has a computer")},
    "contacts": {
        "role": _("Their part"),
        "name": _("Full name"),
        "phone": _("Telephone"),
        "email": _("E-mail address"),
    },
    "plans": {"year": _("School year"), "received": _("Day it came in")},
    "contracts": {
        "wan": _("Name of the line"),
        "number": _("Contract number"),
        "isp": _("Provider"),
        "medium": _("Kind of line"),
        "down": _("Download (Mbit/s)"),
        "up": _("Upload (Mbit/s)"),
        "starts": _("From (day)"),
        "ends": _("To (day)"),
    },
    "portals": {"url": _("Address of the portal"), "mail_domain": _("Mail domain")},
    "public_services": {
        "service": _("Online service"),
        "url": _("Address of the service"),
        "season": _("Season"),
    },
}
"""Vietnamese has the very titles that tables have, so that a page and a file speak of the same column."""

MEDIA = {"": _("not known"), "fibre": _("Fibre"), "copper": _("Copper"), "cellular": _("Cellular")}
OF_HEADING = {unit_words.TITLES[name]: text for name, text in TITLES["units"].items()} | {
    column.title: TITLES[word][column.name] for word, kind in FACTS.items() for column in kind.columns
}
"""By the heading that a column has in tables: that is what problems name."""

YES_NO = {"True": _("yes"), "False": _("no")}
CHOICES = {
    ("units", "level"): {level: text for level, text in LEVELS.items() if level},
    ("labs", "level"): {"": LEVELS[""]} | {level: LEVELS[level] for level in LAB_LEVELS},
    ("equipment", "kind"): {kind: text for kind, text in EQUIPMENT.items() if kind != "subject_group_computer"},
    ("subjects", "has_computer"): YES_NO,
    ("contacts", "role"): ROLES,
    ("contracts", "medium"): MEDIA,
}
"""Columns that hold one of a few words."""
SERVICES = {
    "enrolment": _("First-year enrolment"),
    "results": _("Results of learning"),
    "transfer": _("Change of school"),
    "fees": _("School fees"),
}
SEASONS = {"enrolment": _("Enrolment season"), "year": _("All year")}
NAMES = CHOICES | {("public_services", "service"): SERVICES, ("public_services", "season"): SEASONS}
"""Those, and columns that hold such a word or any other."""
DAYS = frozenset({"received", "starts", "ends"})
LONG = frozenset({("labs", "subnets"), ("labs", "ports"), ("labs", "machines"), ("units", "address")})
"""Columns that take more than a line."""


def title(what: str, column: str) -> str:
    """The msgid; the bare name for a column of a version to come."""
    return TITLES.get(what, {}).get(column, column)


def value(what: str, column: str, told: object) -> str:
    """The msgid of a word, else the value as it stands; empty where there is none."""
    text = "" if told is None else f"{told:g}" if isinstance(told, float) else str(told)
    return NAMES.get((what, column), {}).get(text, text) if text else ""
