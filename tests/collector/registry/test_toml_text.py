from __future__ import annotations

import tomllib
from typing import Any

from haidang_collector.registry.toml_text import to_toml, without_secrets
from hypothesis import given
from hypothesis import strategies as st

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
leaves = st.one_of(
    st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False, allow_infinity=False), words
)
values: st.SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3), max_leaves=8
)


@given(st.dictionaries(words, values, max_size=4))
def test_what_is_written_is_read_again_the_same(tables: dict[str, Any]) -> None:
    assert tomllib.loads(to_toml(tables)) == tables


@given(st.dictionaries(words, st.dictionaries(words, leaves, max_size=3), max_size=3), words)
def test_words_about_values_change_nothing(tables: dict[str, Any], about: str) -> None:
    said = "".join(character for character in about if character.isprintable())
    origin = {name: dict.fromkeys(section, said) for name, section in tables.items()}

    assert tomllib.loads(to_toml(tables, origin)) == tables


def test_a_person_can_read_it() -> None:
    tables = {
        "agent": {"push_interval": "15s"},
        "probes": {"internet": {"targets": ["192.0.2.1"]}},
        "snmp": [{"host": "10.20.0.1", "wan_interfaces": {"pppoe-out1": "wan1"}}],
    }
    origin = {
        "agent": {"push_interval": "default, version 3"},
        "snmp": [{"host": "", "wan_interfaces": {"pppoe-out1": "unit TH-001, version 1"}}],
    }

    assert to_toml(tables, origin).splitlines() == [
        "[agent]",
        'push_interval = "15s"  # default, version 3',
        "[probes.internet]",
        'targets = ["192.0.2.1"]',
        "[[snmp]]",
        'host = "10.20.0.1"',
        'wan_interfaces = {pppoe-out1 = "wan1"}  # unit TH-001, version 1',
    ]


def test_secrets_of_devices_are_masked() -> None:
    tables = {"snmp": [{"host": "10.20.0.1", "community": "hush", "user": "u", "auth": "hush", "priv": "hush"}]}

    assert "hush" not in to_toml(without_secrets(tables))
    assert without_secrets(tables)["snmp"][0]["user"] == "u"
