from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from haidang_collector.access.login import enter
from haidang_collector.cli import build
from haidang_collector.registry.store import Registry
from typer.testing import CliRunner

if TYPE_CHECKING:
    from pathlib import Path

    from typer.testing import Result

    from tests.collector.commands.conftest import Haidang

PASSWORD = "bốn con voi uống trà"


def typed(tmp_path: Path, *arguments: str, text: str = PASSWORD) -> Result:
    """`haidang users ARGUMENTS` with a password on standard input."""
    return CliRunner().invoke(
        build(), ["users", *arguments, "--data", str(tmp_path / "data")], input=f"{text}\nmore\n"
    )  # fmt: skip


def opens(tmp_path: Path, login: str, password: str) -> bool:
    """Whether that password logs in."""
    registry = Registry(f"sqlite:///{tmp_path}/data/haidang.db")
    try:
        return enter(registry.database, login, password, "192.0.2.1") is not None
    finally:
        registry.close()


def test_a_password_comes_by_standard_input_and_stays_out_of_every_answer(tmp_path: Path, haidang: Haidang) -> None:
    made = typed(tmp_path, "add", "lan", "--role", "operator", "--unit", "TH-MAU-01", "--email", "Lan@hcm.edu.vn")

    assert (made.exit_code, made.stdout) == (0, "")
    assert "account lan is made" in made.stderr
    assert PASSWORD not in made.output
    (listed,) = json.loads(haidang("users", "list", "--json").stdout)
    assert {name: listed[name] for name in ("login", "email", "role", "district", "unit", "state", "entered_at")} == {
        "login": "lan", "email": "lan@hcm.edu.vn", "role": "operator", "district": None, "unit": "TH-MAU-01",
        "state": "active", "entered_at": None,
    }  # fmt: skip
    assert "argon2" not in haidang("users", "list", "--json").stdout
    assert haidang("users", "list").stdout.split()[:4] == ["lan", "operator", "TH-MAU-01", "active"]
    assert opens(tmp_path, "lan", PASSWORD)


def test_a_first_password_is_printed_alone(tmp_path: Path, haidang: Haidang) -> None:
    made = haidang("users", "add", "lan", "--role", "reader", "--first")

    assert re.fullmatch(r"[a-z2-9-]{19}\n", made.stdout)
    assert made.stdout.strip() not in made.stderr
    assert opens(tmp_path, "lan", made.stdout.strip())
    assert json.loads(haidang("users", "list", "--json").stdout)[0]["state"] == "first"


def test_an_account_is_closed_opened_and_given_another_password(tmp_path: Path, haidang: Haidang) -> None:
    typed(tmp_path, "add", "lan", "--role", "reader")

    assert haidang("users", "disable", "lan").exit_code == 0
    assert not opens(tmp_path, "lan", PASSWORD)
    assert haidang("users", "enable", "lan").exit_code == 0
    assert typed(tmp_path, "password", "lan", text="năm con mèo ngủ trưa").exit_code == 0
    assert not opens(tmp_path, "lan", PASSWORD)
    assert opens(tmp_path, "lan", "năm con mèo ngủ trưa")
    deeds = json.loads(haidang("users", "audit", "--subject", "lan", "--json").stdout)
    assert [deed["what"] for deed in reversed(deeds)] == [
        "account.added", "account.disabled", "account.enabled", "account.password_reset", "login.failed", "login",
    ]  # fmt: skip
    assert "account.enabled" in haidang("users", "audit").stdout


def test_somebody_who_comes_by_oidc_needs_no_password(tmp_path: Path, haidang: Haidang) -> None:
    added = haidang("users", "add", "lan", "--role", "reader", "--subject", "s-1", "--no-password")

    assert added.exit_code == 0
    assert not opens(tmp_path, "lan", "")


@pytest.mark.parametrize(
    ("arguments", "text", "words"),
    [
        (("add", "Lan", "--role", "reader"), PASSWORD, "'Lan' is none"),
        (("add", "lan", "--role", "root"), PASSWORD, "'root' is none"),
        (("add", "lan", "--role", "reader", "--unit", "TH-999"), PASSWORD, "no unit 'TH-999'"),
        (("add", "lan", "--role", "reader", "--district", "X"), PASSWORD, "the district 'X'"),
        (("add", "lan", "--role", "reader"), "short", "password: use at least 12"),
        (("add", "lan", "--role", "reader"), "", "password: use at least 12"),
        (("add", "lan", "--role", "reader", "--first", "--no-password"), "", "do not go together"),
        (("add", "lan"), "", "--role"),
        (("disable", "nobody"), "", "no account 'nobody'"),
        (("password", "nobody"), PASSWORD, "no account 'nobody'"),
    ],
)
def test_bad_input_is_status_2(
    tmp_path: Path, haidang: Haidang, arguments: tuple[str, ...], text: str, words: str
) -> None:
    result = typed(tmp_path, *arguments, text=text)

    assert (result.exit_code, result.stdout) == (2, "")
    assert words in result.stderr
    assert json.loads(haidang("users", "list", "--json").stdout) == []


def test_the_roles_are_told() -> None:
    told = json.loads(CliRunner().invoke(build(), ["users", "roles", "--json"]).stdout)

    assert list(told) == ["reader", "operator", "administrator"]
