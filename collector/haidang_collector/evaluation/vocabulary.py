"""The words that labels and limits hold, as msgids for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from haidang_collector.evaluation.rows import _

if TYPE_CHECKING:
    from haidang_collector.evaluation.model import State
    from haidang_collector.evaluation.occasion import Occasion

STATES = {
    "met": _("met"),
    "unmet": _("not met"),
    "unknown": _("not known"),
    "not_applicable": _("does not concern it"),
}
MARKS = {"met": "✓", "unmet": "✗", "unknown": "?", "not_applicable": "–"}  # noqa: RUF001 - an en dash is meant
SOURCES = {"measured": _("measured"), "declared": _("declared"), "mixed": _("measured and declared")}
BASES: dict[str, tuple[State, str]] = {
    "measured": ("met", _("measured")),
    "mixed": ("unmet", _("measured and declared")),
    "declared": ("not_applicable", _("declared")),
    "untold": ("unknown", _("source not told")),
    "unknown": ("unknown", _("not known")),
}
"""What judgements rest on, each with the state whose pattern it is drawn in."""
OCCASIONS: dict[Occasion, str] = {
    "mid_year": _("Mid-year evaluation of the school year %(year)s"),
    "year_end": _("Year-end evaluation of the school year %(year)s"),
    "at_date": _("Evaluation at a date in the school year %(year)s"),
}
LEVELS = {
    "": _("shared by all levels"),
    "kindergarten": _("kindergarten"),
    "primary": _("primary"),
    "lower_secondary": _("lower secondary"),
    "upper_secondary": _("upper secondary"),
    "continuing": _("continuing education"),
    "mixed": _("several levels"),
}
KINDS = {
    "management_computer": _("management computer"),
    "subject_group_computer": _("subject group's computer"),
    "teaching_computer": _("teaching computer"),
    "printer": _("printer"),
    "webcam": _("webcam"),
    "camera": _("camera"),
    "projector": _("projector"),
    "display": _("presentation display"),
    "scanner": _("scanner"),
    "access_point": _("Wi-Fi access point"),
    "server": _("server"),
}
ROLES = {"leader": _("leader"), "officer": _("ICT officer")}
SERVICES = {
    "hcm": _("the sector's portal, hcm"),
    "httt": _("the sector's database, httt"),
    "smas": _("school management SMAS"),
    "vietschool": _("school management VietSchool"),
    "pcgd": _("universal education, pcgd"),
    "mamnon": _("kindergarten accreditation, mamnon"),
    "eqms": _("primary school statistics, eqms"),
    "thongke": _("statistics of the ministry, thongke"),
    "thongke-smas": _("statistics SMAS, thongke-smas"),
    "thituyensinh": _("exams and admission, thituyensinh"),
    "moet": _("the ministry's portal, moet"),
    "e-ict": _("the ministry's ICT department, e-ict"),
    "truonghocketnoi": _("connected schools, truonghocketnoi"),
    "elearning": _("lecture store, elearning"),
}
"""The systems of `centre/services.toml`, by what the directive says they are for. Each keeps the name of alerts."""

OF_LABEL = {
    "evidence": {"optical": _("light measured"), "interface": _("type of the interface"), "declared": _("declared")},
    "state": {
        "registered": _("registered"),
        "connected": _("on the Internet"),
        "unconnected": _("without Internet"),
        "with": _("with a computer"),
        "without": _("without a computer"),
        "working": _("working"),
        "silent": _("not heard"),
        "unsafe": _("with critical weaknesses"),
        "unknown": _("security not known"),
    },
    "level": LEVELS,
    "kind": KINDS,
    "source": SOURCES | {"agent": _("counted by agents"), "network": _("seen on the network")},
    "severity": {"critical": _("critical"), "warning": _("warning"), "info": _("for information")},
    "part": KINDS
    | {
        "lan": _("local network"),
        "internet": _("Internet"),
        "wifi": _("Wi-Fi"),
        "lab": _("computer room"),
        "projection": _("projection"),
    },
    "role": ROLES,
    "check": {
        "declared": _("registered"),
        "reached": _("answers"),
        "tls": _("certificate is valid"),
        "changed": _("content is renewed"),
        "domain": _("education domain of the unit"),
        "leaders": _("education domain of the leaders"),
        "mx": _("domain takes mail (MX)"),
        "spf": _("domain has SPF"),
        "dmarc": _("domain has DMARC"),
    },
    "deadline": {"morning": _("morning"), "afternoon": _("afternoon")},
    "service": SERVICES,
}
"""What is not in it is a name (of a year, a unit's own service), and is told as it stands."""

LIMITS = {
    "fibre_ratio": _("units with fibre"),
    "isps": _("ISPs at least"),
    "connected_labs_ratio": _("computer rooms on the Internet"),
    "students_per_computer": _("students per computer at most"),
    "watched_seconds": _("rooms watched for at least"),
    "idle_seconds": _("rooms idle for at most"),
    "equipment": _("at least"),
    "subject_groups_with_computer_ratio": _("subject groups with a computer"),
    "eschool_parts": _("parts at least"),
    "critical_findings": _("critical weaknesses at most"),
    "critical_incidents": _("critical incidents at most"),
    "posture_known_within_seconds": _("reviewed within"),
    "portal_changed_within_seconds": _("content renewed within"),
    "news_on_time_ratio": _("news on time"),
    "service_available_ratio": _("availability at least"),
    "service_slow_ratio": _("slow: so many times its usual time"),
    "service_slow_by_seconds": _("slow: longer than usual by"),
    "server_heard_within_seconds": _("servers heard within"),
    "plan_due_seconds": _("last day for plans"),
    "portal_ratio": _("units with a web portal"),
    "news_read_by_seconds": _("news read by"),
    "education_mail_ratio": _("units with e-mail in an education domain"),
    "contacts": _("people at least"),
}
"""A limit without words here is told by its name in the policy."""
LIMIT_SOURCES = frozenset(
    {
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.7"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.7 (encouraged)"),
        _("Ours; the directive (§ II.7) does not say how computers are counted"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.6: the parts it names"),
        _("Ours; the directive (§ II.7) asks for measures without a number"),
        _("Ours; the directive (§ II.7) asks for regular review"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.3.1"),
        _("Ours; the directive (§ II.3.1) asks that it be really used"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.3.4 (before 08:00)"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.3.4 (before 17:00)"),
        _("Ours; the directive (§ II.3.4) asks for twice a day, without exceptions"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.3.4"),
        _("Ours; the directive (§ II.2, II.3, II.4) asks for their use without a number"),
        _("Ours; the directive (§ II.3.3) asks for online services without a number"),
        _("Ours; the directive (§ II.7) asks for stable and safe servers without a number"),
        _("Directive 540/GDĐT-TTTT of 27 October 2016, § II.1"),
        _("Ours; the directive (§ III) leaves the day to each year's letter"),
        _("Letter 4622/BGDĐT-CNTT of 20 September 2016"),
        _("Letter 4622/BGDĐT-CNTT of 20 September 2016 (several ISPs)"),
        _("Circular 13/2020/TT-BGDĐT of 26 May 2020, art. 14: an informatics room"),
        _("Decision 131/QĐ-TTg of 25 January 2022: by 2025"),
        _("ITU and UN targets for 2030, as known in November 2026: a school of up to 400 pupils"),
        _("ITU and UN targets for 2030, as known in November 2026: a school of more than 400 pupils"),
        _("Brazil's measure of school connections, as known in November 2026"),
        _("Giga, as known in November 2026"),
        _("Giga, as known in November 2026: live when measured within 21 days"),
    }
)
"""Of the built-in policy's limits."""

LACKS = {
    ("R2", "isps", None): _("ISPs, too few: %(count)s"),
    ("R3", "labs", "unconnected"): _("computer rooms without Internet: %(count)s"),
    ("R4", "computers_missing", None): _("computers missing: %(count)s"),
    ("R5", "equipment_missing", None): _("missing: %(count)s %(what)s"),
    ("R6", "subject_groups", "without"): _("subject groups without a computer: %(count)s"),
    ("R8", "posture_findings", "critical"): _("critical weaknesses: %(count)s"),
    ("R8", "website_findings", "critical"): _("critical weaknesses of the website: %(count)s"),
    ("R8", "incidents", "critical"): _("critical incidents open: %(count)s"),
    ("R14", "servers", "silent"): _("servers not heard: %(count)s"),
    ("R14", "servers", "unsafe"): _("servers with critical weaknesses: %(count)s"),
}
"""What a figure above 0 says is missing: by row, fact and the value of its first label (None: any)."""
ABSENT = {
    ("R7", "eschool_parts", None): _("missing: %(what)s"),
    ("R9", "portal", "reached"): _("the portal does not answer"),
    ("R9", "portal", "tls"): _("the portal's certificate is not valid"),
    ("R9", "portal", "changed"): _("the portal's content is old"),
    ("R11", "mail", "domain"): _("the unit's e-mail is in no education domain"),
    ("R11", "mail", "leaders"): _("leaders have e-mail outside of education domains"),
    ("R11", "mail", "mx"): _("the mail domain takes no mail"),
    ("R13", "public_services", None): _("not usable often enough: %(what)s"),
    ("R15", "contacts", None): _("nobody registered as %(what)s"),
}
"""What a figure that is 0 says is missing."""
MAY_BE_MORE = frozenset({"R2"})
"""Rows whose figures are what is known of, so that nothing is lacking before the row is judged."""
OF_ROW = {
    "R1": _("no line is fibre"),
    "R16": _("no plan of the school year came in by the deadline"),
}
"""What a row that is not met says by itself."""
