"""Each fault is injected into a website of a real nginx, and it alone is found."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator

import pytest
from haidang_agent.website.catalogue import CHECKS
from haidang_agent.website.examine import READERS, examine
from haidang_reach.address import parse

from tests.agent.website.nginx import GOOD_HEADERS, Nginx, Website

DAY = dt.timedelta(days=1)


def without(header: str, **others: str) -> dict[str, str]:
    rest = {name: value for name, value in GOOD_HEADERS.items() if name != header}
    return rest | {name.replace("_", "-"): value for name, value in others.items()}


CSP = "Content-Security-Policy"
FAULTS: dict[str, tuple[Website, set[str]]] = {
    "none": (Website(), set()),
    "no-https": (Website(secure=None, plain=""), {"https", "http_redirect"}),
    "stays-by-http": (Website(plain=""), {"http_redirect"}),
    "redirects-elsewhere-by-http": (Website(plain="return 302 http://$host/x;"), {"http_redirect"}),
    "http-closed": (Website(plain=None), set()),
    "https-leads-back": (Website(secure="return 302 http://$host/;", plain=""), {"https", "http_redirect"}),
    "stranger": (Website(stranger=True), {"certificate_trusted"}),
    "other-name": (Website(certificate_of="127.9.9.9"), {"certificate_name"}),
    "expired": (Website(lifetime=(-90 * DAY, -DAY)), {"certificate_dates", "certificate_renewal"}),
    "not-yet-valid": (Website(lifetime=(DAY, 90 * DAY)), {"certificate_dates"}),
    "expires-soon": (Website(lifetime=(-DAY, 20 * DAY)), {"certificate_renewal"}),
    "all-of-the-certificate": (
        Website(stranger=True, certificate_of="127.9.9.9", lifetime=(-90 * DAY, -DAY)),
        {"certificate_trusted", "certificate_name", "certificate_dates", "certificate_renewal"},
    ),
    "tls-1.1-too": (Website(protocols="TLSv1.1 TLSv1.2"), {"tls_old"}),
    "tls-1.0-too": (Website(protocols="TLSv1 TLSv1.2 TLSv1.3"), {"tls_old"}),
    "tls-1.0-only": (Website(protocols="TLSv1"), {"tls_old", "tls_modern"}),
    "tls-1.2-only": (Website(protocols="TLSv1.2"), set()),
    "tls-1.3-only": (Website(protocols="TLSv1.3"), set()),
    "no-hsts": (Website(headers=without("Strict-Transport-Security")), {"hsts"}),
    "short-hsts": (
        Website(headers=without("Strict-Transport-Security", Strict_Transport_Security="max-age=300")),
        {"hsts"},
    ),
    "no-nosniff": (Website(headers=without("X-Content-Type-Options")), {"content_type_options"}),
    "no-referrer-policy": (Website(headers=without("Referrer-Policy")), {"referrer_policy"}),
    "no-csp": (Website(headers=without(CSP)), {"content_security_policy", "frame_protection"}),
    "frame-options-alone": (Website(headers=without(CSP, X_Frame_Options="SAMEORIGIN")), {"content_security_policy"}),
    "frames-for-all": (
        Website(headers=without(CSP) | {CSP: "default-src 'self'; frame-ancestors *"}),
        {"frame_protection"},
    ),
    "good-cookies": (Website(cookies=("PHPSESSID=1; Path=/; secure; HttpOnly", "XSRF-TOKEN=2; Secure")), set()),
    "open-session": (Website(cookies=("PHPSESSID=1; Path=/; Secure",)), {"cookies"}),
    "insecure-cookie": (Website(cookies=("theme=dark; HttpOnly",)), {"cookies"}),
    "server-version": (Website(secure="server_tokens on;"), {"server_version"}),
    "powered-by": (Website(headers=GOOD_HEADERS | {"X-Powered-By": "PHP/7.4.33"}), {"server_version"}),
    "listing": (Website(secure="location /images/ { autoindex on; }"), {"directory_listing"}),
    "mixed-content": (Website(page="mixed.html"), {"mixed_content"}),
    "planted-links": (Website(page="planted_links.html"), {"injected_spam"}),
    "planted-title": (Website(page="planted_title.html"), {"injected_spam"}),
    "planted-for-search-engines": (Website(to_search_engines="planted_title.html"), {"injected_spam"}),
    "defaced": (Website(page="defaced.html"), {"defacement"}),
    "silent-folder": (Website(secure="location /uploads/ { return 444; }"), set()),
    "listing-beside-a-silent-folder": (
        Website(secure="location /uploads/ { return 444; } location /images/ { autoindex on; }"),
        {"directory_listing"},
    ),
    "out-of-order": (Website(secure="return 503;"), set()),
    "moved": (Website(secure="return 302 https://moved.example/;"), set()),
    "larger-than-2-MB": (Website(page="large.html"), set()),
}
CONTENTS = {"defacement", "injected_spam", "mixed_content"}
OF_THE_PAGE = CONTENTS | {"hsts", "frame_protection", "content_type_options", "content_security_policy",
                          "referrer_policy", "cookies", "server_version"}  # fmt: skip
UNREAD = {
    "silent-folder": {"directory_listing"},
    "out-of-order": OF_THE_PAGE,
    "moved": OF_THE_PAGE,
    "larger-than-2-MB": CONTENTS,
    "no-https": {"certificate_trusted", "certificate_name", "certificate_dates", "certificate_renewal", "tls_modern",
                 "tls_old", "hsts", "mixed_content"},
    "https-leads-back": {"hsts", "mixed_content"},
    "tls-1.0-only": {"certificate_trusted"},
}  # fmt: skip
BARE = {"content_type_options", "referrer_policy", "content_security_policy", "frame_protection"}
"""What nginx sends by HTTPS only in these websites."""


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nginx]:
    with Nginx(tmp_path_factory.mktemp("nginx"), {name: website for name, (website, _) in FAULTS.items()}) as running:
        (running.folder / "pages/images").mkdir()
        (running.folder / "pages/images/truong.jpg").write_bytes(b"\xff\xd8")
        (running.folder / "pages/large.html").write_text("<title>Trường</title><p>" + "Lịch thi. " * 210_000)
        yield running


def look(nginx: Nginx, name: str, now: float | None = None) -> dict[str, tuple[str, str]]:
    """State and words by check."""
    with nginx.inside():
        findings = examine(
            parse(f"https://{nginx.addresses[name]}/"), now or time.time(), str(nginx.authority.certificate)
        )
    return {finding.check.id: (finding.state, finding.found) for finding in findings}


def test_every_check_has_its_reader() -> None:
    assert READERS.keys() == {check.id for check in CHECKS}
    assert len(CHECKS) == len(READERS)


@pytest.mark.parametrize("name", FAULTS)
def test_the_fault_is_found_and_nothing_else(nginx: Nginx, name: str) -> None:
    found = look(nginx, name)
    expected = FAULTS[name][1] | (BARE if "https" in FAULTS[name][1] else set())

    assert {check for check, (state, _) in found.items() if state == "fail"} == expected, found
    assert {check for check, (state, _) in found.items() if state == "unread"} == UNREAD.get(name, set()), found
    assert all(words for _, words in found.values())


def test_dates_are_judged_by_the_time_that_is_given(nginx: Nginx) -> None:
    """
    The centre's, where a school PC lives in another year.
    """
    later = look(nginx, "none", time.time() + 91 * 86400)

    assert later["certificate_dates"] == ("fail", "expired 1 days ago")
    assert later["certificate_trusted"][0] == later["certificate_name"][0] == "pass"


def test_it_says_what_it_saw(nginx: Nginx) -> None:
    assert look(nginx, "tls-1.0-too")["tls_old"] == ("fail", "TLS 1.0")
    assert look(nginx, "listing")["directory_listing"] == ("fail", "/images/")
    assert look(nginx, "mixed-content")["mixed_content"] == ("fail", "img anh.example, script js.example")
    assert "“789bet”" not in look(nginx, "planted-links")["injected_spam"][1]
    assert "a link to 789bet.example" in look(nginx, "planted-links")["injected_spam"][1]
    assert look(nginx, "planted-for-search-engines")["injected_spam"][1].startswith("shown to search engines only: “")
    assert "hacked by" in look(nginx, "defaced")["defacement"][1]
    assert look(nginx, "moved")["cookies"] == ("unread", "the address leads to another site, moved.example")
    assert look(nginx, "out-of-order")["cookies"] == ("unread", "the page answers 503")


def test_only_public_pages_are_asked_for(nginx: Nginx) -> None:
    before = len(nginx.asked())
    look(nginx, "none")
    asked = [line.split('"')[1] for line in nginx.asked()[before:]]

    assert set(asked) <= {f"GET {path} HTTP/1.1" for path in ("/", "/images/", "/uploads/", "/wp-content/uploads/")} | {
        ""
    }
    assert len(asked) < 15
