"""The advice is whole, in both languages, and is what the agent finds by."""

from __future__ import annotations

import pkgutil
from pathlib import Path

import haidang_advice
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from haidang_advice import SEVERITIES, checks, translations, website
from haidang_advice.doctor import CHECKS as OF_DOCTOR
from haidang_advice.doctor import REMEDIES
from haidang_advice.kinds import KINDS
from haidang_agent.intrusion.check import discover
from haidang_agent.lanwatch import detectors
from haidang_agent.posture import catalogue as of_machines
from haidang_agent.website import catalogue as of_websites

PACKAGE = Path(haidang_advice.__file__).parent
CHECKS = checks.CHECKS | website.CHECKS
TEXTS = [text for each in (*CHECKS.values(), *KINDS.values()) for text in (each.title, each.remedy)]
TEXTS += [*OF_DOCTOR, *REMEDIES.values()]


def test_every_text_is_translated_and_none_is_left_over() -> None:
    asked = {message for _, _, message, *_ in extract_from_dir(PACKAGE, method_map=[("**.py", "python")])}
    with (PACKAGE / "locale/vi/LC_MESSAGES/haidang.po").open("rb") as file:
        catalogue = {message.id: message.string for message in read_po(file) if message.id}

    assert asked == set(TEXTS) == set(catalogue)
    assert all(catalogue.values())


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_is_there_in_both_languages(text: str) -> None:
    """If not: pip install --no-deps --editable . compiles the catalogue."""
    assert translations("en").gettext(text) == text
    assert translations("vi").gettext(text) != text


def test_each_check_of_the_agent_is_one_of_the_advice() -> None:
    """
    Alerts call a check by its id alone, whether of a machine or of a website.
    """
    agents = (*of_machines.CHECKS, *of_websites.CHECKS)
    told = {check.id: (check.severity, check.title, check.remedy) for check in agents}

    assert told == {name: tuple(check) for name, check in CHECKS.items()}
    assert len(told) == len(agents)
    assert {check.severity for check in CHECKS.values()} <= set(SEVERITIES)


def test_each_kind_that_an_agent_finds_has_advice() -> None:
    passive = {info.name for info in pkgutil.iter_modules(detectors.__path__)}
    active = {kind for check in discover().values() for kind in check.kinds}

    assert passive | active == set(KINDS)
