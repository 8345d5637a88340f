"""The doctor on the way to the centre: what stands in between, and whose fault it is."""

from __future__ import annotations

import datetime as dt
import ssl
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from haidang_agent import credentials
from haidang_agent.credentials import Credentials
from haidang_agent.doctor_way import way_to_the_centre
from haidang_agent.tables import Server

from tests.agent.scripted_centre import Asked, Say, json_body, scripted_centre
from tests.lab.ca import CertificateAuthority
from tests.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from haidang_agent.finding import Finding

DAY = dt.timedelta(days=1)


def last(server: Server, folder: Path, *, known: bool = False) -> Finding:
    return list(way_to_the_centre(server, folder, known=known))[-1]


@contextmanager
def https(folder: Path, name: str, lifetime: tuple[dt.timedelta, dt.timedelta]) -> Iterator[tuple[str, Path]]:
    """An address that speaks TLS, and the CA that issued its certificate."""
    authority = CertificateAuthority(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("127.0.0.1", lifetime))
    with scripted_centre(tls=context) as centre:
        yield centre.url, authority.certificate


def test_a_filter_in_between_is_known_by_who_issued_the_certificate(tmp_path: Path) -> None:
    with https(tmp_path, "Filter of the ISP", (-DAY, DAY)) as (url, _):
        found = last(Server(url), tmp_path)

    assert (found.check, found.state, found.case) == ("certificate", "fail", "certificate_untrusted")
    assert "issued by Filter of the ISP" in found.found


@pytest.mark.parametrize("lifetime", [(-2 * DAY, -DAY), (DAY, 2 * DAY)], ids=["expired", "not yet valid"])
def test_a_certificate_of_another_time_speaks_of_the_clock(
    tmp_path: Path, lifetime: tuple[dt.timedelta, dt.timedelta]
) -> None:
    with https(tmp_path, "CA", lifetime) as (url, authority):
        assert last(Server(url, str(authority)), tmp_path).case == "clock_breaks_trust"


def test_a_trusted_one_is_sound_and_a_ca_file_without_certificates_is_not(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    with https(tmp_path, "CA", (-DAY, DAY)) as (url, authority):
        assert last(Server(url, str(authority)), tmp_path).state == "ok"
        assert last(Server(url, str(empty)), tmp_path).case == "ca_unusable"


def test_a_certificate_that_is_trusted_but_not_pinned(tmp_path: Path) -> None:
    """
    Nobody is told to pin what stands there without asking.
    """
    credentials.save(tmp_path, Credentials("k" * 43, agent="a-1", unit="U"))
    with https(tmp_path, "CA", (-DAY, DAY)) as (url, authority):
        found = last(Server(url, str(authority), (f"sha256:{'0' * 64}",)), tmp_path, known=True)

    assert (found.check, found.state, found.case) == ("collector", "fail", "pin_unknown")


def test_a_login_page_that_speaks_no_tls(tmp_path: Path) -> None:
    with scripted_centre() as portal:
        found = last(Server(portal.url.replace("http:", "https:")), tmp_path)

    assert (found.check, found.case) == ("certificate", "no_tls")


def test_nobody_there_and_no_such_name(tmp_path: Path) -> None:
    assert last(Server(f"http://127.0.0.1:{free_port()}"), tmp_path).case == "no_connection"
    assert last(Server("https://collector.invalid"), tmp_path).case == "name_unknown"


@pytest.mark.parametrize(
    ("say", "case"),
    [
        (Say(401), "revoked"),
        (Say(200, b"<html>Log in", time=False), "no_collector"),
        (Say(503, b"the registry does not answer"), "collector_troubled"),
        (Say(hang_up=True), "collector_silent"),
    ],
)
def test_an_answer_that_is_not_as_it_should_be(tmp_path: Path, say: Say, case: str) -> None:
    credentials.save(tmp_path, Credentials("k" * 43, agent="a-1", unit="U"))
    with scripted_centre() as centre:
        centre.answer = lambda _: say
        found = last(Server(centre.url), tmp_path, known=True)

    assert (found.check, found.state, found.case) == ("collector", "fail", case)


@pytest.mark.parametrize(
    ("newest", "state"),
    [
        (Say(200, json_body({"version": "999.0"})), "warn"),
        (Say(200, json_body({"version": "0.0.1+g1"})), "ok"),
        (Say(404), None),
        (Say(200, json_body({"version": 7})), None),
        (Say(200, b"[" * 100_000), None),
    ],
    ids=["newer", "older", "does not tell", "no version", "no JSON"],
)
def test_the_version_is_compared_where_the_centre_tells_its_own(tmp_path: Path, newest: Say, state: str | None) -> None:
    def answer(asked: Asked) -> Say:
        return newest if asked.path.endswith("/doctor") else Say(200, json_body({}))

    credentials.save(tmp_path, Credentials("k" * 43, agent="a-1", unit="U"))
    with scripted_centre() as centre:
        centre.answer = answer
        found = {each.check: each for each in way_to_the_centre(Server(centre.url), tmp_path, known=True)}

    assert found["collector"].state == found["clock"].state == "ok"
    assert (found["version"].state if "version" in found else None) == state


@pytest.mark.parametrize(
    ("told", "case"), [({"store": True}, ""), ({"store": False}, "store_away"), ({}, None), ({"store": "no"}, None)]
)
def test_a_centre_that_cannot_store_says_so(tmp_path: Path, told: dict[str, object], case: str | None) -> None:
    def answer(asked: Asked) -> Say:
        return Say(200, json_body(told if asked.path.endswith("/doctor") else {}))

    credentials.save(tmp_path, Credentials("k" * 43, agent="a-1", unit="U"))
    with scripted_centre() as centre:
        centre.answer = answer
        found = {each.check: each.case for each in way_to_the_centre(Server(centre.url), tmp_path, known=True)}

    assert found.get("store") == case


@pytest.mark.parametrize(("ahead", "words"), [(-3600, "s ahead"), (3600, "s behind")])
def test_a_clock_that_is_off_is_told_by_how_much(tmp_path: Path, ahead: float, words: str) -> None:
    credentials.save(tmp_path, Credentials("k" * 43, agent="a-1", unit="U"))
    with scripted_centre() as centre:
        own = centre.clock
        centre.answer = lambda _: Say(200, json_body({}))
        centre.clock = lambda: own() + ahead
        found = last(Server(centre.url), tmp_path, known=True)

    assert (found.check, found.state, found.case) == ("clock", "warn", "clock_off")
    assert words in found.found
