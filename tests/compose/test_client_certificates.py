"""The lines of docs/client-certificates.md in compose's nginx, before a real collector: who passes, who is told."""

from __future__ import annotations

import re
import ssl
import subprocess
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from haidang_agent import credentials
from haidang_agent.centre import Centre, WantsCertificateError
from haidang_agent.credentials import Credentials
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.enrol import EnrolError, enrol
from haidang_agent.tables import Server
from haidang_collector.registry.database import Database
from haidang_collector.registry.tokens import create_token

from tests.collector import remote_write as rw
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.compose.running import Machine
from tests.lab.ca import CertificateAuthority
from tests.servers import free_port, prometheus
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.collector.running import Served

PAGE = Path(__file__).parents[2] / "docs" / "client-certificates.md"


@contextmanager
def proxy(folder: Path, collector: Served, schools: CertificateAuthority) -> Iterator[tuple[str, str]]:
    """Its URL, and the file of the authority of its own certificate."""
    machine, port = Machine(folder, []), free_port()
    in_http, in_server = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    in_server = in_server.replace("/etc/haidang/schools-ca.pem", str(schools.certificate))
    machine.place("collectors.conf")
    machine.place("nginx.conf")
    replaced = {
        "server collector:8080": f"server 127.0.0.1:{collector.port}",
        "listen 8443 ssl;": f"listen 127.0.0.1:{port} ssl;\n{in_server}",
        "    server {": f"{in_http}\n    server {{",
    }
    for file in ("collectors.conf", "nginx.conf"):
        text = (folder / file).read_text(encoding="utf-8")
        for there, here in replaced.items():
            text = text.replace(there, here)
        (folder / file).write_text(text, encoding="utf-8")
    command = ["nginx", "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    url, ca = f"https://127.0.0.1:{port}", str(folder / "ca.pem")
    with (folder / "nginx.log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            eventually("answers", lambda: _page(url, ca), seconds=20)
            yield url, ca
        finally:
            process.terminate()


def _page(url: str, ca: str) -> int:
    """What a browser, which has no certificate, is answered."""
    try:
        return httpx.get(f"{url}/healthz", verify=ssl.create_default_context(cafile=ca), trust_env=False).status_code
    except httpx.TransportError:
        return 0


def authority(folder: Path) -> CertificateAuthority:
    folder.mkdir()
    return CertificateAuthority(folder, folder.name)


def files(of: CertificateAuthority) -> tuple[str, str]:
    certificate, key = of.issue("192.0.2.1")
    return str(certificate), str(key)


def push(url: str, ca: str, bearer: str, shown: tuple[str, str]) -> int:
    with closing(Centre(url, Path(ca), bearer, shown=shown)) as centre:
        return centre.write(rw.snappy(rw.simple("up", 1, time.time()))).status


def test_agents_pass_with_a_certificate_of_the_department_only(tmp_path: Path) -> None:
    schools, strangers = authority(tmp_path / "schools"), authority(tmp_path / "strangers")
    right, wrong, none = files(schools), files(strangers), ("", "")
    url = database_url(tmp_path)
    agent, bearer = (word.removeprefix("Bearer ") for word in add_agent(url))
    with closing(Database(url)) as database:
        token = create_token(database, UNIT, uses=1, lifetime=timedelta(hours=1)).token
    state = tmp_path / "state"
    credentials.save(state, Credentials(bearer.removeprefix(f"{agent}."), agent, UNIT))
    with (
        prometheus(tmp_path) as store,
        serving(tmp_path, DATABASE_URL=url, STORE_WRITE_URL=store.write_url) as collector,
        proxy(tmp_path, collector, schools) as (at, ca),
    ):
        assert _page(at, ca) == 200
        assert push(at, ca, bearer, right) == 204
        for shown, words in ((none, "is not set"), (wrong, "does not take that of")):
            with pytest.raises(WantsCertificateError, match=f"client certificate, and .*{words}"):
                push(at, ca, bearer, shown)

        with pytest.raises(EnrolError, match="asks for a client certificate"):
            enrol(at, token, tmp_path / "new", ["host"], Path(ca))
        assert enrol(at, token, tmp_path / "new", ["host"], Path(ca), shown=right).unit == UNIT

        cases = {
            shown: [each.case for each in way_to_the_centre(Server(at, ca, (), "", *shown), state, known=True)]
            for shown in (right, none, (str(tmp_path / "gone.pem"), ""))
        }
        assert "client_certificate_wanted" not in cases[right]
        assert cases[none][-1] == "client_certificate_wanted"
        assert cases[str(tmp_path / "gone.pem"), ""][-1] == "client_certificate_unusable"
        assert set(cases[right]) <= {"", "behind", "clock_off", "store_away"}
