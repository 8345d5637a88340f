"""What a unit does about a row of the directive that it does not meet, or that nobody can judge: msgids for people."""

from __future__ import annotations

from haidang_collector.evaluation.rows import _

UNMET = {
    "R1": _("Order fibre from an ISP. If a line is fibre already, correct its medium in the registry."),
    "R2": _("When a contract is renewed, add a line of another ISP."),
    "R3": _("See the cable and the switch of the rooms without Internet, listed under computer rooms."),
    "R4": _("Add computers, or mend those that no longer come on; see that the number of students is right."),
    "R5": _("Get what is missing. If it is there already, enter it in the registry."),
    "R6": _("Give each subject group without one a computer of its own, and enter it in the registry."),
    "R7": _("Get the parts that are missing. If they are there already, enter them in the registry."),
    "R8": _("Mend the critical findings first; each stands under security with what to do."),
    "R9": _("See that the portal answers, has a valid certificate, and has new content."),
    "R10": _("Take the sector's news into the unit's own site by RSS, before 08:00 and before 17:00."),
    "R11": _("Ask the education office for addresses in an education domain, and enter them in the registry."),
    "R12": _("See whether the services that fail are reached from elsewhere; if so, ask the school's ISP."),
    "R13": _("See that the addresses of the services for parents are right in the registry, and that they answer."),
    "R14": _("See the servers that are silent or unsafe; each stands under agents and security."),
    "R15": _("Enter the leader and the officer in charge in the registry, with telephone and e-mail."),
    "R16": _("Send the ICT plan, and let the day of its arrival be entered."),
}
UNKNOWN = {
    "R1": _("Enter the unit's contracts with the medium of each line; an agent of role router measures it."),
    "R2": _("Enter the unit's contracts with the ISP of each line."),
    "R3": _("Enter the computer rooms with their networks, and run an agent of role host in each."),
    "R4": _("Enter the number of students by level, and the computer rooms with their computers."),
    "R5": _("Enter the equipment of the management, or run agents on its computers."),
    "R6": _("Enter the subject groups, and which of them have a computer."),
    "R7": _("Enter the equipment and the computer rooms, or run an agent of role site."),
    "R8": _("Run agents of role host on the machines: they review them every hour."),
    "R9": _("Enter the address of the portal, and run an agent of role site."),
    "R10": _("Enter the address of the portal; the news on it are looked at twice a day."),
    "R11": _("Enter the unit's mail domain, and the e-mail of its leaders."),
    "R12": _("Run an agent of role site: it looks at the services from inside the school."),
    "R13": _("Enter the addresses of the services for parents."),
    "R14": _("Run the agent on the servers."),
    "R15": _("Enter the leader and the officer in charge in the registry, with telephone and e-mail."),
    "R16": _("Enter whether the ICT plan of this school year has come in, and when."),
}
BY_STATE = {"unmet": UNMET, "unknown": UNKNOWN}
