from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.audit import entries
from haidang_collector.access.visitor import Scope
from haidang_collector.grafana import tokens
from haidang_collector.grafana.tables import GrafanaToken
from sqlalchemy import select

if TYPE_CHECKING:
    from haidang_collector.registry.store import Registry

    from tests.collector.grafana.conftest import Run


def test_a_token_is_printed_once_and_kept_as_a_hash(haidang: Run, registry: Registry) -> None:
    result = haidang("token", "--scope", "district:Quận 1")

    token = result.stdout.strip()
    assert result.exit_code == 0
    assert re.fullmatch("hdg_[a-z2-7]{32}", token)
    assert token not in result.stderr
    assert tokens.scope_of(registry.database, token) == Scope(district="Quận 1")
    with registry.database.read() as connection:
        (row,) = connection.execute(select(GrafanaToken.__table__)).all()
    assert token not in str(row)


def test_tokens_are_listed_and_revoked_by_id(haidang: Run, registry: Registry) -> None:
    made = json.loads(haidang("token", "--scope", "unit:TH-0", "--json").stdout)
    (listed,) = json.loads(haidang("tokens", "--json").stdout)
    assert (listed["id"], listed["scope"], listed["revoked_at"]) == (made["id"], "unit:TH-0", None)
    assert haidang("tokens").stdout.split()[:3] == [made["id"], "unit:TH-0", "usable"]

    assert haidang("revoke", made["id"]).exit_code == 0

    assert tokens.scope_of(registry.database, made["token"]) is None
    assert haidang("tokens").stdout.split()[2] == "revoked"
    assert haidang("revoke", made["id"]).exit_code == 0


def test_both_deeds_are_in_the_audit_log_of_the_district(haidang: Run, registry: Registry) -> None:
    made = json.loads(haidang("token", "--scope", "district:Quận 1", "--json").stdout)
    haidang("revoke", made["id"])

    found, _ = entries(registry.database, Scope(district="Quận 1"))

    assert [(entry.what, entry.subject) for entry in found] == [
        ("grafana.token_revoked", made["id"]),
        ("grafana.token_created", made["id"]),
    ]
    assert made["token"] not in str(found)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("token", "--scope", "district:Nowhere"), "no unit in a district 'Nowhere'"),
        (("token", "--scope", "unit:NO"), "there is no unit 'NO'"),
        (("token", "--scope", "Quận 1"), "write city, district:NAME or unit:CODE"),
        (("revoke", "5f1c"), "there is no token with the id '5f1c'"),
        (("revoke", "000000000000"), "there is no token with the id"),
    ],
)
def test_bad_input_is_status_2(haidang: Run, arguments: tuple[str, ...], words: str) -> None:
    result = haidang(*arguments)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr


@pytest.mark.parametrize("token", ["", "hdg_", "hdg_" + "a" * 32, "hdg_" + "a" * 500, "a.b"])
def test_what_is_no_token_opens_nothing(registry: Registry, token: str) -> None:
    assert tokens.scope_of(registry.database, token) is None
