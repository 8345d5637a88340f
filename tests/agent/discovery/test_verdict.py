"""Of what class a device is, how sure that is, and what keeps it unknown."""

from __future__ import annotations

import pytest
from haidang_agent.discovery.evidence import Evidence, Sign
from haidang_agent.discovery.verdict import BAR, CLASSES, SAID, classify, clues
from hypothesis import given
from hypothesis import strategies as st

WINDOWS_OPTIONS = "1,3,6,15,31,33,43,44,46,47,121,249,252"


def verdict(**signs: str | tuple[str, ...]):
    rows = [
        (source, text) for source, texts in signs.items() for text in ([texts] if isinstance(texts, str) else texts)
    ]
    return classify(Evidence(Sign(source, text) for source, text in rows))


@pytest.mark.parametrize(
    ("class_", "signs"),
    [
        ("computer", {"vendor": "Dell"}),
        ("computer", {"vendor": "Hewlett Packard", "wsd": "Computer"}),
        ("computer", {"netbios": ("unique 00", "unique 20"), "vendor": "ASUSTek COMPUTER"}),
        ("computer", {"dhcp_options": WINDOWS_OPTIONS}),
        ("computer", {"name": "DESKTOP-2AEFM7G"}),
        ("computer", {"vendor": "Apple", "model": "MacBookPro18,3"}),
        ("printer", {"mdns": ("_http._tcp", "_ipp._tcp")}),
        ("printer", {"vendor": "Hewlett Packard", "port": ("80", "9100")}),
        ("printer", {"vendor": "Hewlett Packard", "name": "NPI3C5282", "netbios": ("unique 00", "unique 20")}),
        ("printer", {"vendor": "Brother Industries"}),
        ("printer", {"vendor": "Canon", "port": ("515", "631")}),
        ("camera", {"vendor": "Hangzhou Hikvision Digital Technology"}),
        ("camera", {"wsd": ("Device", "NetworkVideoTransmitter")}),
        ("phone", {"dhcp_class": "android-dhcp-13", "name": "Galaxy-A52"}),
        ("phone", {"vendor": "Yealink(Xiamen) Network Technology"}),
        ("ap", {"snmp": "ap", "vendor": "Ubiquiti"}),
        ("network", {"vendor": "Routerboard.com"}),
        ("network", {"role": "is the default gateway"}),
        ("network", {"snmp": "router", "vendor": "Intel Corporate"}),
        ("display", {"mdns": ("_googlecast._tcp", "_androidtvremote2._tcp")}),
        ("other", {"vendor": "Synology", "netbios": ("unique 00", "unique 20"), "snmp": "nas"}),
    ],
)
def test_class_by_what_it_shows(class_, signs):
    found = verdict(**signs)

    assert found.class_ == class_
    assert found.confidence >= BAR
    assert found.reasons


@pytest.mark.parametrize(
    "signs",
    [
        {},
        {"vendor": "Hewlett Packard"},  # PCs, printers and switches
        {"vendor": "Apple"},
        {"vendor": "Samsung Electronics"},
        {"vendor": "TP-Link Systems"},
        {"port": ("80", "443")},
        {"netbios": ("unique 00", "unique 20")},  # printers and disks have such names too
        {"mdns": "_smb._tcp"},
        {"vendor": "Dell", "role": "is the default gateway"},  # a PC as router
        {"mdns": "_workstation._tcp", "model": "imageRUNNER 2520"},
    ],
)
def test_thin_or_contradicting_evidence_stays_unknown(signs):
    assert verdict(**signs).class_ == "unknown"


def test_a_computer_that_shares_its_printer_is_a_computer():
    """CUPS lists the printer's service as the computer's own; the instance tells whose it is."""
    assert verdict(mdns=("_ipp._tcp", "_workstation._tcp"), shared="_ipp._tcp").class_ == "computer"


def test_reasons_say_where_each_comes_from():
    found = verdict(vendor="Hewlett Packard", port=("80", "9100"), mdns="_ipp._tcp")

    assert found.reasons == ("mDNS service _ipp._tcp", "TCP port 9100 open")


def test_below_the_bar_the_candidates_are_named():
    assert verdict(vendor="ASUSTek COMPUTER").reasons == ("vendor ASUSTek COMPUTER (as of computer)",)


def test_many_signs_of_one_source_are_one_source():
    one, many = verdict(port="515"), verdict(port=("515", "631"))

    assert one.confidence == many.confidence


def test_every_clue_is_usable():
    for source, rows in clues().items():
        assert source in SAID
        for clue in rows:
            assert clue.class_ in CLASSES
            assert 0 < clue.weight < 1
            assert (clue.pattern is None) == bool(clue.texts)


@given(st.lists(st.tuples(st.sampled_from(sorted(SAID)), st.text(max_size=200)), max_size=30))
def test_no_evidence_upsets_it(signs):
    found = classify(Evidence(Sign(*sign) for sign in signs))

    assert found.class_ in CLASSES
    assert 0 <= found.confidence <= 1
    assert (found.class_ != "unknown") == (found.confidence >= BAR)
