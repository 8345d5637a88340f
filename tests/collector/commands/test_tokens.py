from __future__ import annotations

import json
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.collector.commands.conftest import Haidang


def test_create_prints_the_token_alone(haidang: Haidang) -> None:
    result = haidang("tokens", "create", "TH-MAU-01")

    assert result.exit_code == 0
    assert re.fullmatch("[a-z2-7]{32}\n", result.stdout)
    assert "1 use(s)" in result.stderr
    assert result.stdout.strip() not in result.stderr


def test_tokens_are_listed_without_their_secret_and_revoked_by_id(haidang: Haidang) -> None:
    made = json.loads(haidang("tokens", "create", "TH-MAU-01", "--uses", "40", "--expires", "2w", "--json").stdout)
    plain = haidang("tokens", "list")
    (listed,) = json.loads(haidang("tokens", "list", "--json").stdout)
    lifetime = datetime.fromisoformat(listed["expires_at"]) - datetime.fromisoformat(listed["created_at"])

    assert (listed["id"], listed["uses_left"], listed["state"], lifetime) == (made["id"], 40, "usable", timedelta(14))
    assert plain.stdout.split()[:4] == [made["id"], "TH-MAU-01", "usable", "40"]
    assert made["token"] not in plain.stdout
    assert haidang("tokens", "revoke", made["id"]).exit_code == 0
    assert "revoked" in haidang("tokens", "list").stdout


def test_who_made_and_revoked_a_token_is_in_the_log(haidang: Haidang, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_OPERATOR", "lan")
    made = json.loads(haidang("tokens", "create", "TH-MAU-01", "--uses", "40", "--json").stdout)
    haidang("tokens", "revoke", made["id"])
    haidang("tokens", "create", "TH-MAU-99")
    haidang("tokens", "revoke", "000000000000")
    log = haidang("users", "audit", "--json").stdout
    revoked, created, *earlier = json.loads(log)

    assert (created["who"], created["what"], created["subject"]) == ("lan", "token.made", made["id"])
    assert created["detail"] == {"uses": 40, "expires_at": made["expires_at"]}
    assert (revoked["who"], revoked["what"], revoked["subject"]) == ("lan", "token.revoked", made["id"])
    assert {each["what"] for each in earlier} == {"facts.units"}
    assert made["token"] not in log


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("create", "TH-MAU-99"), "there is no unit 'TH-MAU-99'"),
        (("create", "TH-MAU-01", "--expires", "soon"), "hours, days or"),
        (("create", "TH-MAU-01", "--expires", "0d"), "hours, days or"),
        (("create", "TH-MAU-01", "--expires", "99999w"), "at most 366d"),
        (("create", "TH-MAU-01", "--uses", "0"), "--uses"),
        (("revoke", "000000000000"), "there is no token with the id '000000000000'"),
    ],
)
def test_bad_input_is_status_2(haidang: Haidang, arguments: tuple[str, ...], words: str) -> None:
    result = haidang("tokens", *arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
