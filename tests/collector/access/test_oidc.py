"""Logging in at a provider, seen from a browser that goes there and comes back."""

from __future__ import annotations

import base64
import hmac
import json
import logging
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest
from haidang_collector.access.accounts import Administration, Wanted, accounts
from haidang_collector.access.attempts import ADDRESS_FAILURES, Attempts
from haidang_collector.access.grants import Grant, grant_of, parse_grants
from haidang_collector.access.visitor import Scope
from haidang_collector.settings import BadSettingError, Settings
from joserfc import jwt

from tests.collector.access.house import NEAR, House
from tests.collector.access.provider import ANOTHER_KEY, CLIENT, KEY, SECRET, Provider, providing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PUBLIC = "http://localhost"


@pytest.fixture
def provider() -> Iterator[Provider]:
    with providing() as provider:
        yield provider


def served(folder: Path, provider: Provider) -> Iterator[House]:
    house = House(
        folder, public_url=PUBLIC, oidc_issuer=provider.issuer, oidc_client_id=CLIENT, oidc_client_secret=SECRET,
        oidc_name="Sở GD&ĐT", oidc_roles=f"phòng-1=operator@district:{NEAR}; giám-sát=reader; lạc=reader@unit:TH-999",
    )  # fmt: skip
    with house.running() as house.client:
        yield house
    house.registry.close()


@pytest.fixture
def house(tmp_path: Path, provider: Provider) -> Iterator[House]:
    yield from served(tmp_path, provider)


@pytest.fixture(scope="module")
def lying(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Provider]]:
    """One for all lies of a provider, as none of them changes anything."""
    with providing() as provider:
        for house in served(tmp_path_factory.mktemp("lying"), provider):
            invite(house)
            yield house, provider


def refused(lying: tuple[House, Provider]) -> bool:
    """Whether the next login is refused as a lie, and opens nothing."""
    house, _ = lying
    house.client.app.state.attempts = Attempts()  # type: ignore[attr-defined]
    answer = log_in(house)
    return answer.status_code == 400 and "haidang_session=" not in "".join(answer.headers.get_list("set-cookie"))


def invite(house: House, login: str = "lan", **wanted: str) -> None:
    """An account without a password, known by e-mail address unless told otherwise."""
    email = {} if "subject" in wanted else {"email": "lan@hcm.edu.vn"}
    Administration(house.database, "test").add(login, Wanted("reader", **email | wanted), None, first=False)


def there(house: House, next_: str = "/account") -> str:
    """To the provider and through its page; where it sends the browser back to, as a path."""
    away = house.client.get("/login/oidc", params={"next": next_}, follow_redirects=False)
    assert away.status_code == 303
    back = httpx.get(away.headers["location"]).headers["location"]
    assert back.startswith(f"{PUBLIC}/login/oidc/callback?")
    return back.removeprefix(PUBLIC)


def log_in(house: House) -> httpx.Response:
    return house.client.get(there(house), follow_redirects=False)


def test_a_person_with_an_account_is_let_in_and_led_on(house: House, provider: Provider) -> None:
    invite(house)

    assert "Sở GD&amp;ĐT" in house.client.get("/login").text
    answer = log_in(house)

    assert (answer.status_code, answer.headers["location"]) == (303, "/account")
    assert 'name="old"' not in house.client.get("/account").text, "there is no password to change"
    assert house.deeds("login") == [("lan", "login", "lan")]
    assert provider.authenticated == ["basic"]


def test_who_came_once_is_known_by_name_at_the_provider_only(house: House, provider: Provider) -> None:
    """
    E-mail addresses are given on to others.
    """
    invite(house)
    assert log_in(house).status_code == 303
    provider.claims["email"] = "new@hcm.edu.vn"
    assert log_in(house).status_code == 303

    provider.claims = {"sub": "s-2", "email": "lan@hcm.edu.vn", "email_verified": True}
    assert log_in(house).status_code == 403


def test_somebody_without_an_account_stays_out(house: House) -> None:
    answer = log_in(house)

    assert answer.status_code == 403
    assert "haidang_session=" not in "".join(answer.headers.get_list("set-cookie"))
    assert accounts(house.database) == []


@pytest.mark.parametrize("verified", [False, None, "true", 1])
def test_an_address_that_the_provider_did_not_verify_is_nobody_s(
    house: House, provider: Provider, verified: object
) -> None:
    invite(house)
    provider.claims["email_verified"] = verified

    assert log_in(house).status_code == 403


def test_a_person_may_be_named_by_the_provider_s_own_name(house: House, provider: Provider) -> None:
    invite(house, subject="s-7")
    provider.claims = {"sub": "s-7"}

    assert log_in(house).status_code == 303


def test_a_disabled_account_stays_closed(house: House) -> None:
    invite(house)
    Administration(house.database, "test").disable("lan")

    assert log_in(house).status_code == 403


def test_groups_make_accounts_change_them_and_take_the_way_in(house: House, provider: Provider) -> None:
    provider.claims |= {"groups": ["other", "giám-sát", "phòng-1"], "name": "Lan\x00 Nguyễn"}
    assert log_in(house).status_code == 303
    (made,) = accounts(house.database)
    assert (made.login, made.name, made.role, made.scope) == (
        "lan@hcm.edu.vn", "Lan Nguyễn", "operator", Scope(district=NEAR),
    )  # fmt: skip

    provider.claims["groups"] = "giám-sát"
    assert log_in(house).status_code == 303
    (changed,) = accounts(house.database)
    assert (changed.role, changed.scope) == ("reader", Scope())

    for groups in ([], ["lạc"], None, {"giám-sát": 1}, [["giám-sát"]]):
        provider.claims["groups"] = groups
        assert log_in(house).status_code == 403
    assert [what for _, what, _ in house.deeds("account")] == ["account.added", "account.changed"]


def test_a_group_does_not_take_over_an_account_that_was_made_by_hand(house: House, provider: Provider) -> None:
    Administration(house.database, "test").add(
        "lan@hcm.edu.vn", Wanted("administrator"), "$argon2id$", first=False
    )  # fmt: skip
    provider.claims["groups"] = ["giám-sát"]

    assert log_in(house).status_code == 303
    assert [(a.login.startswith("oidc-"), a.role) for a in accounts(house.database)] == [
        (False, "administrator"), (True, "reader"),
    ]  # fmt: skip


def test_a_role_that_was_changed_by_hand_follows_the_group_no_more(house: House, provider: Provider) -> None:
    provider.claims["groups"] = ["giám-sát"]
    log_in(house)
    Administration(house.database, "test").change("lan@hcm.edu.vn", Wanted("administrator"))

    provider.claims["groups"] = []
    assert log_in(house).status_code == 303
    assert [a.role for a in accounts(house.database)] == ["administrator"]


WRONG: dict[str, Callable[[dict[str, Any]], None]] = {
    "nonce": lambda claims: claims.update(nonce="another"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "audience": lambda claims: claims.update(aud="another"),
    "audience, with the right party": lambda claims: claims.update(aud="another", azp=CLIENT),
    "no audience": lambda claims: claims.pop("aud"),
    "one audience of two": lambda claims: claims.update(aud=[CLIENT, "another"]),
    "authorized party": lambda claims: claims.update(aud=[CLIENT, "another"], azp="another"),
    "issuer": lambda claims: claims.update(iss="https://evil.example"),
    "no issuer": lambda claims: claims.pop("iss"),
    "expired": lambda claims: claims.update(exp=int(time.time()) - 3600),
    "no expiry": lambda claims: claims.pop("exp"),
    "expiry is a word": lambda claims: claims.update(exp="tomorrow"),
    "from the future": lambda claims: claims.update(iat=int(time.time()) + 3600),
    "no subject": lambda claims: claims.pop("sub"),
    "subject is a number": lambda claims: claims.update(sub=1),
    "subject is long": lambda claims: claims.update(sub="x" * 256),
    "another access token": lambda claims: claims.update(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_token_with_a_wrong_claim_opens_nothing(
    lying: tuple[House, Provider], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    monkeypatch.setattr(lying[1], "wrong", WRONG[fault])

    with caplog.at_level(logging.WARNING):
        assert refused(lying)

    assert "ID token" in caplog.text
    assert SECRET not in caplog.text


def by_hand(header: dict[str, str], claims: dict[str, Any], secret: bytes = b"") -> str:
    """A token as no library makes it; without a secret it is not signed."""
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in (header, claims)]
    signature = hmac.digest(secret, b".".join(parts), "sha256") if secret else b""
    return b".".join([*parts, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


SIGNED: dict[str, Callable[[dict[str, Any]], str]] = {
    "not at all": lambda claims: by_hand({"alg": "none"}, claims),
    "with another key": lambda claims: jwt.encode({"alg": "RS256", "kid": "k1"}, claims, ANOTHER_KEY),
    "with the public key as a secret": lambda claims: by_hand(
        {"alg": "HS256", "kid": "k1"}, claims, KEY.as_pem(private=False)
    ),
    "with the client's secret": lambda claims: by_hand({"alg": "HS256"}, claims, SECRET.encode()),
    "by nobody": lambda _: "nonsense",
}


@pytest.mark.parametrize("how", SIGNED)
def test_a_token_that_is_wrongly_signed_opens_nothing(
    lying: tuple[House, Provider], monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(lying[1], "sign", SIGNED[how])

    assert refused(lying)


def test_the_same_provider_without_a_lie_is_believed(lying: tuple[House, Provider]) -> None:
    assert log_in(lying[0]).status_code == 303


def test_only_the_browser_that_went_away_comes_back(house: House) -> None:
    """
    Another state, no cookie, or somebody else's cookie: the code of an attacker logs nobody in.
    """
    invite(house)
    mine = there(house)
    cookies = dict(house.client.cookies)
    other = there(house)

    assert house.client.get(mine, follow_redirects=False).status_code == 400, "the cookie is of the second flow"
    house.client.cookies.clear()
    assert house.client.get(other, follow_redirects=False).status_code == 400
    for cookie in ("%7B%7D", "nonsense", "%5B%5D", "1", "%7B%22state%22%3A1%7D", "x" * 5000):
        answer = house.client.get(other, headers={"Cookie": f"haidang_oidc={cookie}"}, follow_redirects=False)
        assert answer.status_code == 400
    house.client.cookies.update(cookies)
    assert house.client.get(mine, follow_redirects=False).status_code == 303
    house.client.cookies.update(cookies)
    assert house.client.get(mine, follow_redirects=False).status_code == 400, "a code is good once"


def test_another_site_cannot_close_an_office_s_address_by_sending_its_browsers_here(house: House) -> None:
    house.person("lan")

    for _ in range(ADDRESS_FAILURES + 1):
        assert house.client.get("/login/oidc/callback?state=x&code=y", follow_redirects=False).status_code == 400

    assert house.login("lan").status_code == 303


def test_the_cookie_of_the_way_is_short_lived_and_out_of_reach(house: House) -> None:
    away = house.client.get("/login/oidc", follow_redirects=False)
    (cookie,) = away.headers.get_list("set-cookie")
    asked = dict(parse_qsl(urlsplit(away.headers["location"]).query))

    assert set(cookie.split("; ")[1:]) == {"HttpOnly", "Max-Age=600", "Path=/login/oidc", "SameSite=lax"}
    assert asked["scope"].split()[0] == "openid"
    assert len({asked[name] for name in ("state", "nonce", "code_challenge")}) == 3
    assert SECRET not in away.headers["location"]


@pytest.mark.parametrize(
    ("discovery", "status"),
    [
        ({"issuer": "https://evil.example"}, 503),
        ({"token_endpoint": "http://evil.example/token"}, 503),
        ({"jwks_uri": None}, 503),
        ({"authorization_endpoint": "javascript:alert(1)"}, 503),
        ({"filler": "x" * (2 << 20)}, 503),
        ({}, 303),
    ],
)
def test_a_provider_that_is_not_what_it_should_be_is_not_gone_to(
    house: House, provider: Provider, discovery: dict[str, Any], status: int
) -> None:
    provider.discovery = discovery

    assert house.client.get("/login/oidc", follow_redirects=False).status_code == status


def test_a_provider_that_is_away_is_said_so(tmp_path: Path) -> None:
    house = House(tmp_path, public_url=PUBLIC, oidc_issuer="http://127.0.0.1:9", oidc_client_id=CLIENT)
    with house.running() as house.client:
        answer = house.client.get("/login/oidc?lang=en", follow_redirects=False)
    house.registry.close()

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "30")
    assert "does not answer" in answer.text


@pytest.mark.parametrize(("secret", "way"), [(SECRET, "post"), ("", "none")])
def test_the_client_shows_itself_as_the_provider_asks(
    tmp_path: Path, provider: Provider, secret: str, way: str
) -> None:
    provider.discovery = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    file = tmp_path / "secret"
    file.write_text(secret + "\n")
    house = House(
        tmp_path, public_url=PUBLIC, oidc_issuer=provider.issuer, oidc_client_id=CLIENT,
        oidc_client_secret_file=str(file),
    )  # fmt: skip
    invite(house)
    with house.running() as house.client:
        assert log_in(house).status_code == 303
    house.registry.close()
    assert provider.authenticated == [way]


def test_without_a_provider_there_is_no_such_way(tmp_path: Path) -> None:
    house = House(tmp_path)
    with house.running() as house.client:
        assert "/login/oidc" not in house.client.get("/login").text
        assert house.client.get("/login/oidc").status_code == 404
        assert house.client.get("/login/oidc/callback").status_code == 404
    house.registry.close()


def test_groups_are_worth_what_the_setting_says() -> None:
    grants = parse_grants(f" cn=a,dc=b = administrator ;b=operator@district:{NEAR};c=reader@unit:TH:1;")

    assert grants == {
        "cn=a,dc=b": Grant("administrator", Scope()),
        "b": Grant("operator", Scope(district=NEAR)),
        "c": Grant("reader", Scope(unit="TH:1")),
    }
    assert grant_of(["c", "b"], grants) == grants["b"]
    assert grant_of(["d"], grants) is None
    assert grant_of([], {}) is None


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"oidc_roles": "a"}, "'a' is not GROUP=ROLE"),
        ({"oidc_roles": "a=root"}, "is not GROUP=ROLE"),
        ({"oidc_roles": "a=reader@school:1"}, "is not GROUP=ROLE"),
        ({"oidc_roles": "a=reader@unit:"}, "is not GROUP=ROLE"),
        ({"oidc_issuer": "http://login.example", "public_url": PUBLIC, "oidc_client_id": "x"}, "HAIDANG_OIDC_ISSUER="),
        ({"oidc_issuer": "https://login.example", "oidc_client_id": "x"}, "HAIDANG_PUBLIC_URL=''"),
        ({"oidc_issuer": "https://l.example", "public_url": "http://h.example", "oidc_client_id": "x"}, "PUBLIC_URL="),
        ({"oidc_issuer": "https://login.example", "public_url": PUBLIC}, "HAIDANG_OIDC_CLIENT_ID=''"),
        ({"oidc_client_secret_file": "/nowhere/secret"}, "No such file"),
        ({"public_url": "haidang.example"}, "HAIDANG_PUBLIC_URL='haidang.example'"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(settings: dict[str, str], words: str) -> None:
    with pytest.raises(BadSettingError, match=words):
        Settings(**settings)  # type: ignore[arg-type]


def test_secrets_are_not_in_the_words_of_settings() -> None:
    assert "hush" not in repr(Settings(oidc_client_secret="hush", operator_password="hush"))
