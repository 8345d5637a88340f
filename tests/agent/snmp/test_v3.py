"""SNMPv3 against net-snmp's snmpd, over both libraries."""

import sys
from collections.abc import Iterator

import pytest
from haidang_agent.snmp.opening import SESSIONS, open_session
from haidang_agent.snmp.session import Limits, NoLibraryError, SnmpError
from haidang_agent.snmp.usm import AUTH, PRIV, Key, read_auth, read_priv
from haidang_agent.tables import Snmp

from tests.agent.snmp.snmpd import AUTH_SECRET, PRIV_SECRET, USERS, Snmpd

DESCR, UP_TIME = "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.1.3.0"
QUICK = Limits(answer_seconds=0.6, total_seconds=60.0)
HASTY = Limits(answer_seconds=0.1, total_seconds=60.0)
"""Where no answer is an error as well as the one that is expected."""


@pytest.fixture(scope="module")
def snmpd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snmpd]:
    with Snmpd(tmp_path_factory.mktemp("snmpd")) as running:
        yield running


def target(snmpd: Snmpd, user: str, auth: str | None = None, priv: str | None = None) -> Snmp:
    protocols = USERS.get(user, ("", ""))
    own_auth = f"{protocols[0]}:{AUTH_SECRET}" if protocols[0] else ""
    own_priv = f"{protocols[1]}:{PRIV_SECRET}" if protocols[1] else ""
    return Snmp(
        "127.0.0.1", snmpd.port, "3", user=user,
        auth=own_auth if auth is None else auth, priv=own_priv if priv is None else priv,
    )  # fmt: skip


@pytest.mark.parametrize("library", SESSIONS)
@pytest.mark.parametrize("user", USERS)
def test_every_set_of_protocols_reads_the_same(snmpd, library, user):
    with open_session(target(snmpd, user), Limits(), library) as session:
        interfaces = session.walk("1.3.6.1.2.1.2.2.1.2")
        told = session.get([DESCR, UP_TIME])

    assert b"lo" in interfaces.values()
    assert told[DESCR].startswith(b"Linux")
    assert isinstance(told[UP_TIME], int)
    assert session.problems == []


@pytest.mark.parametrize("library", SESSIONS)
@pytest.mark.parametrize(
    ("user", "auth", "priv"),
    [
        ("nobody", "", ""),
        ("md5", "md5:wrong-secret", ""),
        ("md5", "sha:" + AUTH_SECRET, ""),
        ("shaaes", None, "aes:wrong-secret"),
    ],
)
def test_wrong_credentials_are_an_error_that_holds_none(snmpd, library, user, auth, priv):
    with open_session(target(snmpd, user, auth, priv), HASTY, library) as session, pytest.raises(SnmpError) as error:
        session.walk("1.3.6.1.2.1.2.2.1.2")

    assert f"127.0.0.1:{snmpd.port}" in str(error.value)
    assert not any(secret in str(error.value) for secret in ("wrong-secret", AUTH_SECRET, PRIV_SECRET))


@pytest.mark.parametrize("library", SESSIONS)
def test_too_low_a_security_level_is_no_empty_device(snmpd, library):
    """The user is known, and may read nothing without encryption."""
    try:
        with open_session(target(snmpd, "shaaes", priv=""), HASTY, library) as session:
            told = session.walk("1.3.6.1.2.1.2.2.1.2")
            problems = session.problems
    except SnmpError as refused:
        told, problems = {}, [str(refused)]

    assert told == {}
    assert problems


@pytest.mark.parametrize("library", SESSIONS)
def test_a_device_that_became_another_engine_is_silent_until_asked_anew(tmp_path, library):
    """Without its kept state snmpd makes a new engine name at each start, as a replaced device has."""
    with Snmpd(tmp_path) as device, open_session(target(device, "shaaes"), QUICK, library) as session:
        before = session.get([DESCR])
        device.__exit__()
        device.__enter__()
        session.renew()
        assert session.get([DESCR]) == {}
        assert session.silent
        with open_session(target(device, "shaaes"), QUICK, library) as anew:
            assert anew.get([DESCR]) == before


@pytest.mark.parametrize("library", SESSIONS)
def test_a_short_secret_is_refused_before_anything_is_sent(library):
    with pytest.raises(ValueError, match="at least 8 characters") as error:
        open_session(Snmp("127.0.0.1", 9, "3", user="u", auth="sha:s3cret"), QUICK, library)

    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("sha256:secret:with:colons", Key("sha256", "secret:with:colons")),
        ("SHA-512:in capitals", Key("sha512", "in capitals")),
        ("sha1:12345678", Key("sha", "12345678")),
        ("only a secret", Key("sha", "only a secret")),
        ("home:made:secret", Key("sha", "home:made:secret")),
    ],
)
def test_a_key_is_written_as_protocol_colon_secret(text, key):
    assert read_auth(text) == key


def test_keys_are_not_shown():
    assert "12345678" not in repr(read_priv("aes:12345678"))
    assert (read_auth(""), read_priv("")) == (None, None)
    assert {read_auth(f"{word}:12345678").protocol for word in AUTH} == set(AUTH)
    assert {read_priv(f"{word}:12345678").protocol for word in PRIV} == set(PRIV)


def test_encryption_without_its_library_says_what_to_install(monkeypatch):
    """pysnmp alone does MD5 and SHA only, and would call it a refusal of the device's."""
    monkeypatch.setitem(sys.modules, "cryptography", None)

    with pytest.raises(NoLibraryError, match=r"pip install 'haidang\[snmp\]'"):
        open_session(Snmp("127.0.0.1", 9, "3", user="u", auth="sha:12345678", priv="aes:12345678"), QUICK, "pysnmp")
