"""The school of three rooms (tests/lab/campus), its agents and its centre: what `haidang evaluate` is held against."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import yaml
from haidang_collector.cli import build
from haidang_collector.policy.policy import BUILT_IN
from haidang_collector.simulate.build import school_year_begins, today
from haidang_collector.supervisor.files import alerts_folder
from haidang_collector.supervisor.plan import Plan
from typer.testing import CliRunner

from tests.e2e.city import BIN, UNIT, City
from tests.lab.campus import OFFICE, ROOM_2, ROOM_3, SERVER, Campus
from tests.lab.campus.inhabitants import CAMERA_ADDRESS, COMMUNITY, CROWDS, PRINTER_ADDRESS, SWITCH_ADDRESS

RULE_SECONDS, SCRAPE_SECONDS, PUSH_SECONDS = 2, 2, 1
WATCHED_SECONDS = 15
"""How long a room must have been watched before it counts with fewer computers than declared; else a week."""
WATCHED = f"""
[[limit]]
row = "R4"
limit = "watched_seconds"
value = {WATCHED_SECONDS}
from = 2026-11-02
source = "This test: its weeks are short"
"""
NEW_CARD = "50:3e:aa:00:00:01"
"""Of a vendor that makes many kinds: only the agent tells that a computer has it."""
OTHER_LEASE = "10.20.20.61"
AGENTS = {
    (SERVER, "linux"): ("site", ["internet", "wan", "lan", "labs", "inventory"], ""),
    (OFFICE, "linux"): ("host", ["place", "inventory"], "management"),
    (ROOM_2, "linux"): ("host", ["place", "labs"], "teaching"),
    (ROOM_3, "windows"): ("host", ["place", "labs"], "teaching"),
    (ROOM_3, "linux"): ("host", ["place", "labs"], "teaching"),
}
"""Role, probes and use of the agent on each system of each machine."""


class EvaluatedSchool(City):
    """Context manager. The registry knows the school, and all agents are enrolled; none of them runs yet.

    Rules and policy are the repository's, but that rules are evaluated every RULE_SECONDS, and for WATCHED_SECONDS.
    """

    school: Campus

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, isps=("VNPT", "Viettel"), push_seconds=PUSH_SECONDS)
        self.school = Campus()
        self._policy = folder / "policy.toml"
        self._policy.write_text(BUILT_IN.read_text(encoding="utf-8") + WATCHED, encoding="utf-8")

    def __enter__(self) -> Self:
        super().__enter__()
        with ExitStack() as stack:
            stack.push(super().__exit__)
            stack.enter_context(self.school.snmpd())
            self._stack_of_school = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack_of_school.__exit__(kind, error, trace)

    def start_agent(self, number: int, system: str = "linux") -> None:
        self.school.machines[number].start_agent(system, "run")

    def restart_agent(self, number: int) -> None:
        """In order, so that what it knows is kept."""
        self.school.machines[number].stop_agent()
        self.start_agent(number)

    def counts(self, metric: str, *labels: str) -> dict[tuple[str, ...], float]:
        """The newest values by these labels."""
        return {
            tuple(each["metric"].get(label, "") for label in labels): float(each["value"][1])
            for each in self.query(metric)
        }

    def sweep(self, network: str) -> dict[str, Any]:
        """What `haidang-agent sweep` on the server tells of it."""
        command = [str(BIN / "haidang-agent"), "sweep", network, "--json"]
        done = self.school.pc(SERVER).run(*command, env=os.environ | {"LC_ALL": "C"})
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def evaluate(self, at: datetime | None = None) -> dict[str, Any]:
        """What `haidang evaluate` tells of the unit then, or now, row by row."""
        when = ["--at", at.isoformat()] if at else []
        with self.school.centre.inside():
            (unit,) = json.loads(self._haidang("evaluate", "--unit", UNIT, *when, "--json"))["units"]
        rows: dict[str, Any] = unit["rows"]
        return rows

    def import_table(self, kind: str, *rows: str) -> None:
        """The first row has the titles; every other is begun with the unit's code."""
        file = self.folder / f"{kind}.csv"
        titles, *entries = rows
        lines = [f"code,{titles}", *(f"{UNIT},{entry}" for entry in entries)]
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self._haidang("units", "import", str(file), "--kind", kind)

    def import_students(self, primary: int, lower_secondary: int) -> None:
        self.import_table(
            "units",
            "name,district,level,students_primary,students_lower_secondary",
            f"Trường TH và THCS Mẫu,Quận Mẫu,Liên cấp,{primary},{lower_secondary}",
        )

    def _import_facts(self) -> None:
        """Rooms told by subnet and VLAN, by switch ports, by a list of machines; equipment, people, lines, the plan."""
        self.import_students(480, 320)
        self.import_table(
            "labs",
            "name,cidr,vlan,computers,level,ports,machines",
            "lab-1,10.20.10.0/24,10,15,Tiểu học,,",
            f"lab-2,,,12,THCS,{SWITCH_ADDRESS} Gi1/0/10-12,",
            f"lab-3,,,10,,,{' '.join(self._machines_of_room_3())}",
        )
        self.import_table(
            "equipment",
            "kind,number",
            "Máy tính quản lý,2",
            "Máy tính dạy học ngoài phòng máy,2",
            "Máy in,1",
            "Máy chiếu,3",
        )
        self.import_table("subjects", "name,has_computer", "Tổ Toán - Tin,có", "Tổ Ngữ văn,có", "Tổ Ngoại ngữ,không")
        self.import_table(
            "contacts",
            "role,name,email",
            "Lãnh đạo,Trần Thị Ví Dụ,lanhdao@mau.edu.vn",
            "Phụ trách CNTT,Lê Văn Mẫu,cntt@mau.edu.vn",
        )
        self.import_table("portals", "mail_domain", "mau.edu.vn")
        self.import_table(
            "contracts", "wan,number,isp,medium", "wan1,HĐ-1,VNPT,Cáp quang", "wan2,HĐ-2,Viettel,Cáp quang"
        )
        begins = school_year_begins(today())
        self.import_table("plans", "year,received", f"{begins}-{begins + 1},{begins}-06-30")

    def _machines_of_room_3(self) -> Iterable[str]:
        (crowd,) = (each for each in CROWDS if each.port == "room3")
        return [*(host.mac for host in crowd.pcs), self.school.pc_mac(ROOM_3)]

    def _set_up_agent(self) -> None:
        """Of all agents; what to ask by SNMP they learn from the centre."""
        self._import_facts()
        watch = self.folder / "watch.toml"
        asked = ("10.20.0.1", SWITCH_ADDRESS, PRINTER_ADDRESS, CAMERA_ADDRESS)
        tables = [f'[[snmp]]\nhost = "{host}"\ncommunity = "{COMMUNITY}"\n' for host in asked]
        watch.write_text("".join(tables), encoding="utf-8")
        self._haidang("units", "config", UNIT, "--set", str(watch))
        enrolling = []
        for (number, system), told in AGENTS.items():
            machine = self.school.machines[number]
            machine.install(system, self._settings(*told))
            token = self._haidang("tokens", "create", UNIT).strip()
            enrolling.append(machine.start_agent(system, "enrol", HAIDANG_TOKEN=token))
        for each in enrolling:
            assert each.wait(120) == 0, [file.read_text() for file in self.school.folder.glob("pc*/*/agent.log")]

    def _settings(self, role: str, probes: list[str], use: str) -> str:
        targets = json.dumps(self.school.targets)
        return (
            f'[server]\nurl = "https://{self.school.centre_address}:8080"\nca = "{self.folder}/ca.pem"\n'
            f"[probes.internet]\ntargets = {targets}\n[probes.labs]\ntargets = {targets}\n"
            "[probes.lan]\npackets_per_second = 1000.0\n"
            f'[agent]\nroles = ["{role}"]\nprobes = {json.dumps(probes)}\nuse = "{use}"\n'
            f'listen = ""\npush_interval = "{PUSH_SECONDS}s"\n'
        )

    def _trust_collector(self, plan: Plan) -> None:
        """And be quick: the registry is read and the rules are evaluated every two seconds."""
        super()._trust_collector(plan)
        hurried = self.folder / "rules"
        hurried.mkdir()
        for file in (alerts_folder() / "rules").glob("*.yml"):
            content = yaml.safe_load(file.read_text(encoding="utf-8"))
            for group in content["groups"]:
                group["interval"] = f"{RULE_SECONDS}s"
            (hurried / file.name).write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
        settings = plan.data / "prometheus" / "prometheus.yml"
        content = yaml.safe_load(settings.read_text(encoding="utf-8"))
        content["global"]["scrape_interval"] = f"{SCRAPE_SECONDS}s"
        for job in content["scrape_configs"]:
            job.pop("scrape_interval", None)
        content["rule_files"] = [f"{hurried}/*.yml"]
        settings.write_text(yaml.safe_dump(content), encoding="utf-8")

    def _start(self, name: str) -> None:
        """By the city's own policy."""
        self._commands["collector"][2]["HAIDANG_POLICY"] = str(self._policy)
        super()._start(name)

    def _haidang(self, *words: str) -> str:
        """In this process: a dozen of its own would each load the same for a second."""
        database = self._commands["collector"][2]
        done = CliRunner().invoke(build(), words, env=database | {"LC_ALL": "en_GB.UTF-8"})
        assert done.exit_code == 0, done.output
        return done.stdout
