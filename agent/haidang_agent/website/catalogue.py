"""Every check of a website, once: who asks for it; what must be so, and what to do: haidang_advice.website."""

from __future__ import annotations

from haidang_advice import website

from haidang_agent.posture.check import Check

_ASKED_FOR = {
    "defacement": "OWASP Web Security Testing Guide",
    "injected_spam": "Google Search, spam policies: hacked content",
    "https": "OWASP ASVS 4.0.3, 9.1.1; Mozilla, Web Security Guidelines: HTTPS",
    "certificate_trusted": "RFC 5280, 6; CA/Browser Forum Baseline Requirements",
    "certificate_name": "RFC 9525",
    "certificate_dates": "RFC 5280, 4.1.2.5",
    "certificate_renewal": "RFC 5280, 4.1.2.5; Let's Encrypt: renew 30 days before the end",
    "tls_modern": "RFC 9325, 3.1.1",
    "tls_old": "RFC 8996",
    "http_redirect": "OWASP ASVS 4.0.3, 9.1.1; Mozilla, Web Security Guidelines: HTTP Redirections",
    "mixed_content": "W3C Mixed Content",
    "directory_listing": "CWE-548; OWASP ASVS 4.0.3, 4.3.2",
    "cookies": "OWASP ASVS 4.0.3, 3.4.1 and 3.4.2; RFC 6265",
    "hsts": "RFC 6797; OWASP ASVS 4.0.3, 14.4.5",
    "frame_protection": "OWASP ASVS 4.0.3, 14.4.7; RFC 7034",
    "content_type_options": "OWASP ASVS 4.0.3, 14.4.4",
    "content_security_policy": "OWASP ASVS 4.0.3, 14.4.3; W3C Content Security Policy",
    "referrer_policy": "OWASP ASVS 4.0.3, 14.4.6; W3C Referrer Policy",
    "server_version": "CWE-200; OWASP ASVS 4.0.3, 14.3.3",
}

CHECKS = tuple(
    Check(name, *website.CHECKS[name], source, frozenset({"linux", "win32"})) for name, source in _ASKED_FOR.items()
)
"""In the order a person reads them where they are equally bad."""
