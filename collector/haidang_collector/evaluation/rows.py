"""The rows R1 to R16 of directive 540/GDĐT-TTTT: what each asks for, and the figures that its judgement rests on.

Each figure is a recording rule of alerts/rules.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Show = Literal["count", "ratio", "percent", "day", "yes_no", "kinds"]
"""How a figure is told: `kinds` says all by its labels; a `day` is the Unix time of its midnight in UTC."""


def _(msgid: str) -> str:
    """Marks a text that is translated where it is shown."""
    return msgid


@dataclass(frozen=True, slots=True)
class Input:
    """A metric that gives facts called `name`, told apart by `labels`; `title` is a msgid."""

    name: str
    metric: str
    title: str
    show: Show
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """`section` of the directive; `title` and `requirement` are msgids."""

    code: str
    section: str
    title: str
    requirement: str
    inputs: tuple[Input, ...]


CATALOGUE = (
    Row(
        "R1",
        "II.7",
        _("Fibre"),
        _("Every unit is connected by fibre."),
        (Input("fibre_evidence", "unit:school_fibre:evidence", _("fibre known by"), "kinds", ("evidence",)),),
    ),
    Row(
        "R2",
        "II.7",
        _("Several ISPs"),
        _("The unit uses several ISPs at once, for quality and stability (encouraged)."),
        (Input("isps", "unit:school_isps:count", _("ISPs"), "count"),),
    ),
    Row(
        "R3",
        "II.7",
        _("Computer rooms on the Internet"),
        _("Every computer room is connected to the Internet."),
        (Input("labs", "unit:school_labs:count", _("computer rooms"), "count", ("state",)),),
    ),
    Row(
        "R4",
        "II.7",
        _("Students per teaching computer"),
        _("No more students share a teaching computer than the limit of their level."),
        (
            Input(
                "students_per_computer",
                "school:students_per_computer:ratio",
                _("students per computer"),
                "ratio",
                ("level",),
            ),
            Input("students", "unit:school_students:count", _("students"), "count", ("level",)),
            Input("computers_required", "school:computers_required:count", _("computers needed"), "count", ("level",)),
            Input(
                "teaching_computers",
                "school:teaching_computers:count",
                _("teaching computers"),
                "count",
                ("level", "source"),
            ),
            Input("computers_missing", "school:computers_missing", _("computers missing"), "count"),
        ),
    ),
    Row(
        "R5",
        "II.7",
        _("Equipment of the management"),
        _("The school's management has its computers, printer and webcam."),
        (
            Input("equipment", "unit:school_equipment:count", _("equipment"), "count", ("kind", "source")),
            Input("equipment_missing", "school:equipment_missing", _("equipment missing"), "count", ("kind",)),
        ),
    ),
    Row(
        "R6",
        "II.7",
        _("Subject groups"),
        _("Every subject group has a computer of its own."),
        (Input("subject_groups", "unit:school_subject_groups:count", _("subject groups"), "count", ("state",)),),
    ),
    Row(
        "R7",
        "II.6",
        _("E-school"),
        _("The unit has every part of the e-school: network, Internet, Wi-Fi, rooms, machines, cameras, projection."),
        (Input("eschool_parts", "unit:school_eschool:present", _("part"), "yes_no", ("part",)),),
    ),
    Row(
        "R8",
        "II.7",
        _("Information security"),
        _("Security of machines, network and websites is reviewed regularly, and weaknesses are mended."),
        (
            Input("machines_reviewed", "unit:school_machines_reviewed:count", _("machines reviewed"), "count"),
            Input("posture_findings", "unit:school_posture_findings:count", _("weaknesses"), "count", ("severity",)),
            Input(
                "website_findings",
                "unit:school_website_findings:count",
                _("weaknesses of the website"),
                "count",
                ("severity",),
            ),
            Input("incidents", "unit:school_incidents:active", _("open incidents"), "count", ("severity",)),
        ),
    ),
    Row(
        "R9",
        "II.3.1",
        _("Web portal"),
        _("The unit has a web portal, and really uses it."),
        (Input("portal", "unit:school_portal:state", _("portal"), "yes_no", ("check",)),),
    ),
    Row(
        "R10",
        "II.3.4",
        _("The sector's news"),
        _("The unit reads the sector portal twice a day and takes its news by RSS into its own site."),
        (Input("news_on_time", "unit:school_news_on_time:ratio", _("news on time"), "percent", ("deadline",)),),
    ),
    Row(
        "R11",
        "II.3.4",
        _("E-mail in an education domain"),
        _("The unit and its leaders have e-mail in an education domain."),
        (Input("mail", "unit:school_mail:state", _("e-mail"), "yes_no", ("check",)),),
    ),
    Row(
        "R12",
        "II.2-4",
        _("The sector's online systems"),
        _("The sector's online systems are usable from the school."),
        (
            Input(
                "service_available", "unit:school_service_available:ratio", _("availability"), "percent", ("service",)
            ),
        ),
    ),
    Row(
        "R13",
        "II.3.3",
        _("Online services for parents"),
        _("Online public services for parents are registered on the unit's portal and can be reached."),
        (Input("public_services", "unit:school_public_service:state", _("service"), "yes_no", ("service",)),),
    ),
    Row(
        "R14",
        "II.7",
        _("Servers"),
        _("The servers run stably and safely."),
        (Input("servers", "unit:school_servers:count", _("servers"), "count", ("state",)),),
    ),
    Row(
        "R15",
        "II.1",
        _("People in charge"),
        _("The unit has a leader and an officer in charge of ICT."),
        (Input("contacts", "unit:school_contacts:count", _("people"), "count", ("role",)),),
    ),
    Row(
        "R16",
        "III",
        _("ICT plan"),
        _("The unit's ICT plan of the school year came in by the deadline."),
        (
            Input(
                "plan_received",
                "unit:school_plan:received_timestamp_seconds",
                _("plan received"),
                "day",
                ("year",),
            ),
        ),
    ),
)
BY_CODE = {row.code: row for row in CATALOGUE}
INPUTS = {input_.name: input_ for row in CATALOGUE for input_ in row.inputs}
BY_METRIC = {input_.metric: (row.code, input_) for row in CATALOGUE for input_ in row.inputs}
