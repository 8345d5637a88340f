from __future__ import annotations

import unicodedata

import pytest
from haidang_collector.access import passwords
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "password", ["bốn con voi uống trà", "correct horse battery", "x8#kQz!mW2pL", "ﬁnal ﬁsh ﬂoat", "999trăng sao mây"]
)
def test_long_passwords_of_any_kind_are_good(password: str) -> None:
    passwords.check(password, "lan")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "short"),
        ("mười một kýt", "short"),
        ("a" * 257, "long"),
        ("lan.nguyen.1", "login"),
        ("LAN.NGUYEN!!", "login"),
        ("aaaaaaaaaaaaaaaa", "common"),
        ("121212121212", "common"),
        ("123456789012", "common"),
        ("Password1234", "common"),
        ("matkhau123456", "common"),
        ("qwertyuiop12", "common"),
        ("HaiDang-2026!", "common"),
    ],
)
def test_what_is_guessed_first_is_refused_with_its_reason(password: str, reason: str) -> None:
    with pytest.raises(passwords.BadPasswordError) as bad:
        passwords.check(password.replace("mười một kýt", "mười một ký"), "lan.nguyen")

    assert bad.value.reason == reason
    assert not password or password not in str(bad.value)


def test_what_is_kept_is_argon2id_with_owasp_s_parameters_and_its_own_salt() -> None:
    one, other = passwords.hashed("bốn con voi"), passwords.hashed("bốn con voi")

    assert one.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert one != other
    assert not passwords.is_outdated(one)


def test_a_password_is_the_same_from_every_keyboard() -> None:
    kept = passwords.hashed(unicodedata.normalize("NFC", "bốn con voi uống trà"))

    assert passwords.matches(unicodedata.normalize("NFD", "bốn con voi uống trà"), kept)
    assert not passwords.matches("bon con voi uong tra", kept)


@pytest.mark.parametrize("kept", [None, "", "nonsense", "$argon2id$v=19$m=19456,t=2,p=1$AAAA"])
def test_nothing_matches_what_is_no_hash(kept: str | None) -> None:
    assert not passwords.matches("", kept)
    assert not passwords.matches("bốn con voi uống trà", kept)


def test_first_passwords_are_good_and_never_the_same() -> None:
    made = {passwords.first_password() for _ in range(50)}

    assert len(made) == 50
    for password in made:
        passwords.check(password, "lan")


@given(st.text(max_size=300), st.text(max_size=64))
def test_any_text_is_judged(password: str, login: str) -> None:
    try:
        passwords.check(password, login)
    except passwords.BadPasswordError as bad:
        reason = bad.reason
    else:
        reason = ""

    assert reason in passwords.REASONS or len(password) <= passwords.LONGEST
