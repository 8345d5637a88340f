"""The `website` probe, on websites of a real nginx: passed, failed, absent."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from haidang_agent.probe import Host, NothingToMeasureError, ProbeError, Watch
from haidang_agent.probes.website import PROBE, Settings
from haidang_agent.tables import Portal, Seconds
from haidang_agent.website.catalogue import CHECKS

from tests.agent.website.nginx import Nginx, Website

SEVERITY = {check.id: check.severity for check in CHECKS}
AT_ONCE = Seconds(0.0)


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    sites = {"good": Website(), "defaced": Website(page="defaced.html"), "by-http": Website(secure=None, plain="")}
    with Nginx(tmp_path_factory.mktemp("nginx"), sites) as running:
        yield running


def portal(url: str) -> Host:
    return Host(watch=Watch(roles=("site",), portal=Portal(url)))


def settings(nginx: Nginx) -> Settings:
    return Settings(ca=str(nginx.authority.certificate), spread=AT_ONCE)


def measured(nginx: Nginx, name: str) -> dict[str, float]:
    """Value by check; the count of those that could not be judged under the empty name."""
    with nginx.inside():
        samples = list(PROBE.start(settings(nginx), portal(f"https://{nginx.addresses[name]}/")).collect())
    assert all(SEVERITY[sample.labels[0]] == sample.labels[1] for sample in samples if sample.labels)
    return {sample.labels[0] if sample.labels else "": sample.value for sample in samples}


def test_a_good_site_passes_every_check(nginx: Nginx) -> None:
    assert measured(nginx, "good") == dict.fromkeys(SEVERITY, 1.0) | {"": 0.0}


def test_what_fails_is_0(nginx: Nginx) -> None:
    assert [check for check, value in measured(nginx, "defaced").items() if check and not value] == ["defacement"]


def test_what_cannot_be_judged_is_absent_and_logged_once(nginx: Nginx, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    with nginx.inside():
        probe = PROBE.start(settings(nginx), portal(f"http://{nginx.addresses['by-http']}/"))
        first = {sample.labels[0]: sample.value for sample in probe.collect() if sample.labels}
        again = {sample.labels[0]: sample.value for sample in probe.collect() if sample.labels}

    assert first == again
    assert first["https"] == 0
    absent = SEVERITY.keys() - first.keys()
    assert "hsts" in absent
    assert sorted(record.args[0] for record in caplog.records) == sorted(absent)  # type: ignore[index]


def test_a_site_that_does_not_answer_is_no_zero() -> None:
    with pytest.raises(ProbeError, match=r"unreadable: .*khong-co\.invalid"):
        list(PROBE.start(Settings(spread=AT_ONCE), portal("https://khong-co.invalid/")).collect())


@pytest.mark.parametrize("host", [Host(), portal("")])
def test_without_a_portal_there_is_nothing_to_measure(host: Host) -> None:
    with pytest.raises(NothingToMeasureError):
        PROBE.start(Settings(), host)


@pytest.mark.parametrize(("given", "url"), [
    (Settings(), "thcs.example"), (Settings(), "https://u:secret@thcs.example/"),
    (Settings(spread=Seconds(3600.0)), "https://thcs.example/"),
])  # fmt: skip
def test_what_is_misconfigured(given: Settings, url: str) -> None:
    with pytest.raises(ProbeError, match="misconfigured") as refused:
        PROBE.start(given, portal(url))

    assert "secret" not in str(refused.value)


def test_a_file_of_authorities_that_is_none_leaves_the_certificate_unjudged(nginx: Nginx, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("none")
    with nginx.inside():
        host = portal(f"https://{nginx.addresses['good']}/")
        samples = list(PROBE.start(Settings(str(tmp_path / "ca.pem"), AT_ONCE), host).collect())

    assert "certificate_trusted" not in {sample.labels[0] for sample in samples if sample.labels}


def test_looks_are_spread_and_end_with_the_agent() -> None:
    probe = PROBE.start(Settings(spread=Seconds(60.0)), portal("https://khong-co.invalid/"))
    outcome: list[type] = []

    def collect() -> None:
        try:
            list(probe.collect())
        except (NothingToMeasureError, ProbeError) as ended:
            outcome.append(type(ended))

    looking = threading.Thread(target=collect)
    began = time.monotonic()
    looking.start()
    probe.close()
    looking.join(timeout=40)

    assert outcome == [NothingToMeasureError]
    assert time.monotonic() - began < 40
