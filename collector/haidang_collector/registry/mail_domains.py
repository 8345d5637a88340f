"""Which domains of e-mail addresses are of education (requirement R11)."""

from __future__ import annotations

EDUCATION_DOMAINS = ("edu.vn", "tphcm.gov.vn")
"""These and all below them, as moet.edu.vn and hcm.edu.vn. Directive 540/GDĐT-TTTT of 27 October 2016, § II.3.4."""


def domain_word(domain: str) -> str:
    """`education` or `other`, of a domain in lower case."""
    is_education = any(domain == known or domain.endswith(f".{known}") for known in EDUCATION_DOMAINS)
    return "education" if is_education else "other"
