"""Every check of a website, once: what must be so, how bad it is where it is not, what to do, and who asks for it."""

from __future__ import annotations

from haidang_agent.i18n import N_
from haidang_agent.posture.check import Check, Severity

ANYWHERE = frozenset({"linux", "win32"})


def _check(name: str, severity: Severity, title: str, remedy: str, source: str) -> Check:
    return Check(name, severity, title, remedy, source, ANYWHERE)


CHECKS = (
    _check(
        "defacement",
        "critical",
        N_("The page was not replaced by somebody else's"),
        N_(
            "Take the site off the network, keep a copy as evidence, tell the department, restore a clean backup, then "
            "change every password and update what runs the site."
        ),
        "OWASP Web Security Testing Guide",
    ),
    _check(
        "injected_spam",
        "critical",
        N_("No gambling or other spam was planted in the page"),
        N_(
            "Have whoever runs the site remove the links and the way in: look for unknown administrators, plug-ins and "
            "files, update everything, change every password."
        ),
        "Google Search, spam policies: hacked content",
    ),
    _check(
        "https",
        "critical",
        N_("The website answers by HTTPS"),
        N_("Get a certificate (Let's Encrypt is free of charge) and turn HTTPS on, or ask the hosting firm to."),
        "OWASP ASVS 4.0.3, 9.1.1; Mozilla, Web Security Guidelines: HTTPS",
    ),
    _check(
        "certificate_trusted",
        "critical",
        N_("A known authority vouches for the certificate"),
        N_("Use a public authority's certificate, and let the server send the intermediate ones with it (fullchain)."),
        "RFC 5280, 6; CA/Browser Forum Baseline Requirements",
    ),
    _check(
        "certificate_name",
        "critical",
        N_("The certificate is of the website's name"),
        N_("Get a certificate that holds the portal's name, or register the portal under the name it holds."),
        "RFC 9525",
    ),
    _check(
        "certificate_dates",
        "critical",
        N_("The certificate is valid today"),
        N_("Renew the certificate now, and let it renew itself from now on (certbot renew)."),
        "RFC 5280, 4.1.2.5",
    ),
    _check(
        "certificate_renewal",
        "warning",
        N_("The certificate is valid for three weeks or more"),
        N_("Renew the certificate, and find out why it does not renew itself."),
        "RFC 5280, 4.1.2.5; Let's Encrypt: renew 30 days before the end",
    ),
    _check(
        "tls_modern",
        "critical",
        N_("The website speaks TLS 1.2 or 1.3"),
        N_("Allow TLS 1.2 and 1.3 in the server (nginx: ssl_protocols TLSv1.2 TLSv1.3), or renew a server that can't."),
        "RFC 9325, 3.1.1",
    ),
    _check(
        "tls_old",
        "warning",
        N_("The website refuses TLS 1.0 and 1.1"),
        N_("Allow TLS 1.2 and 1.3 only (nginx: ssl_protocols TLSv1.2 TLSv1.3)."),
        "RFC 8996",
    ),
    _check(
        "http_redirect",
        "warning",
        N_("Whoever comes by HTTP is led to HTTPS"),
        N_("Let the server answer every request by HTTP with a permanent redirect to the same address by HTTPS."),
        "OWASP ASVS 4.0.3, 9.1.1; Mozilla, Web Security Guidelines: HTTP Redirections",
    ),
    _check(
        "mixed_content",
        "warning",
        N_("Everything in the page comes by HTTPS"),
        N_("Write https:// into the addresses of pictures, scripts and frames; browsers block or mark the others."),
        "W3C Mixed Content",
    ),
    _check(
        "directory_listing",
        "warning",
        N_("Folders are not listed to everybody"),
        N_("Turn listings off (nginx: autoindex off; Apache: Options -Indexes; IIS: directory browsing)."),
        "CWE-548; OWASP ASVS 4.0.3, 4.3.2",
    ),
    _check(
        "cookies",
        "warning",
        N_("Cookies are protected (Secure, HttpOnly)"),
        N_(
            "Set Secure on all cookies, HttpOnly on those of sessions (PHP: session.cookie_secure and cookie_httponly)."
        ),
        "OWASP ASVS 4.0.3, 3.4.1 and 3.4.2; RFC 6265",
    ),
    _check(
        "hsts",
        "warning",
        N_("Browsers are told to come by HTTPS only (HSTS)"),
        N_("Send the header Strict-Transport-Security: max-age=31536000 with every page by HTTPS."),
        "RFC 6797; OWASP ASVS 4.0.3, 14.4.5",
    ),
    _check(
        "frame_protection",
        "warning",
        N_("Other sites can't show the page in a frame"),
        N_("Send the header Content-Security-Policy: frame-ancestors 'self', or X-Frame-Options: SAMEORIGIN."),
        "OWASP ASVS 4.0.3, 14.4.7; RFC 7034",
    ),
    _check(
        "content_type_options",
        "info",
        N_("Browsers are told not to guess what a file is"),
        N_("Send the header X-Content-Type-Options: nosniff."),
        "OWASP ASVS 4.0.3, 14.4.4",
    ),
    _check(
        "content_security_policy",
        "info",
        N_("The page says from where scripts may come"),
        N_(
            "Send a Content-Security-Policy; begin with Content-Security-Policy-Report-Only to see what it would block."
        ),
        "OWASP ASVS 4.0.3, 14.4.3; W3C Content Security Policy",
    ),
    _check(
        "referrer_policy",
        "info",
        N_("Other sites do not learn which page a visitor comes from"),
        N_("Send the header Referrer-Policy: strict-origin-when-cross-origin."),
        "OWASP ASVS 4.0.3, 14.4.6; W3C Referrer Policy",
    ),
    _check(
        "server_version",
        "info",
        N_("The server does not tell its version"),
        N_("Turn it off (nginx: server_tokens off; Apache: ServerTokens Prod; PHP: expose_php = Off)."),
        "CWE-200; OWASP ASVS 4.0.3, 14.3.3",
    ),
)
"""In the order a person reads them where they are equally bad."""
