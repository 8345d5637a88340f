"""MX, SPF and DMARC as a real dnsmasq tells them; what is not answered is not known."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator

import pytest
from haidang_reach import mail
from haidang_reach.mail import Mail

from tests.servers import free_port
from tests.waiting import eventually

GOOD = "v=spf1 mx include:_spf.google.com ~all"
POLICY = "v=DMARC1; p=quarantine"
RECORDS = [
    ("mx-host", "tot.edu.vn,mx.tot.edu.vn,10"), ("txt-record", f"tot.edu.vn,{GOOD}"),
    ("txt-record", "tot.edu.vn,google-site-verification=abc"), ("txt-record", f"_dmarc.tot.edu.vn,{POLICY}"),
    ("host-record", "khong.edu.vn,192.0.2.1"),
    ("mx-host", "hai.edu.vn,mx.hai.edu.vn,10"), ("txt-record", f"hai.edu.vn,{GOOD}"),
    ("txt-record", "hai.edu.vn,v=spf1 -all"), ("txt-record", f"_dmarc.hai.edu.vn,{POLICY}"),
    ("txt-record", "_dmarc.hai.edu.vn,v=DMARC1; p=none"),
    ("txt-record", "mo.edu.vn,v=spf1 +all"), ("txt-record", "_dmarc.mo.edu.vn,v=DMARC1; rua=mailto:a@mo.edu.vn"),
    ("mx-host", "mo.edu.vn,mx.mo.edu.vn,10"), ("mx-host", "q1.tot.edu.vn,mx.tot.edu.vn,10"),
    ("txt-record", f"q1.tot.edu.vn,{GOOD}"), ("mx-host", "null.edu.vn,.,0"), ("txt-record", "null.edu.vn,v=spf1 -all"),
]  # fmt: skip


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    binary = shutil.which("dnsmasq", path="/usr/sbin:/usr/bin")
    if binary is None:
        raise FileNotFoundError("no dnsmasq; run: apt-get install dnsmasq-base")
    port = free_port()
    command = [
        binary, "--keep-in-foreground", "--conf-file=/dev/null", "--pid-file=", "--no-hosts", "--no-resolv",
        "--user=root", "--listen-address=127.0.0.1", "--bind-interfaces", f"--port={port}", "--local=/edu.vn/",
        *(f"--{key}={value}" for key, value in RECORDS),
    ]  # fmt: skip
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually(
            "dnsmasq listens", lambda: socket.create_connection(("127.0.0.1", port), 1).close() or True, seconds=10
        )
        yield port
        process.kill()


def checked(domain: str, port: int) -> Mail:
    return mail.check(domain, mail.resolver(["127.0.0.1"], port, 20.0))


def test_all_is_there(port: int) -> None:
    assert checked("tot.edu.vn", port) == Mail(mx=True, spf=True, dmarc=True, problems={})
    assert checked(" TOT.edu.vn. ", port).mx is True


@pytest.mark.parametrize(("domain", "problems"), [
    ("khong.edu.vn", {"mx": "no MX", "spf": "no SPF", "dmarc": "no DMARC"}),
    ("chua-co.edu.vn", {"mx": "no MX", "spf": "no SPF", "dmarc": "no DMARC"}),
    ("null.edu.vn", {"mx": "no mail", "dmarc": "no DMARC"}),
    ("hai.edu.vn", {"spf": "2 SPF", "dmarc": "2 DMARC"}), ("mo.edu.vn", {"spf": "everybody", "dmarc": "no policy"}),
])  # fmt: skip
def test_what_is_wrong(port: int, domain: str, problems: dict[str, str]) -> None:
    found = checked(domain, port)

    assert {what for what in ("mx", "spf", "dmarc") if getattr(found, what) is False} == problems.keys()
    assert all(told in found.problems[what] for what, told in problems.items()), found.problems


def test_a_policy_of_the_domain_above_counts(port: int) -> None:
    assert checked("q1.tot.edu.vn", port) == Mail(mx=True, spf=True, dmarc=True, problems={})


def test_what_is_refused_or_not_answered_is_not_known(port: int) -> None:
    refused = checked("tot.example", port)
    silent = mail.check("tot.edu.vn", mail.resolver(["127.0.0.1"], free_port(), 0.3))

    for found in (refused, silent):
        assert (found.mx, found.spf, found.dmarc) == (None, None, None)
        assert found.problems.keys() == {"mx", "spf", "dmarc"}


@pytest.mark.parametrize("domain", ["", "edu", "..", "a..b", "x" * 64 + ".vn", "\ud800.vn"])
def test_what_is_no_domain(domain: str) -> None:
    with pytest.raises(ValueError, match="no domain name"):
        mail.check(domain, mail.resolver(["127.0.0.1"], 1, 0.1))
