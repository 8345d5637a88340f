from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from haidang_collector.access.visitor import Scope
from haidang_collector.grafana import tokens

from tests.collector.grafana.stand_in import SERVICE_ACCOUNT, TOKEN, State, grafana
from tests.servers import free_port

if TYPE_CHECKING:
    from pathlib import Path

    from haidang_collector.registry.store import Registry

    from tests.collector.grafana.conftest import Run

CITY, ONE, GO_VAP = "haidang", "haidang-quan-1", "haidang-quan-go-vap"
COLLECTOR = "https://collector.example"


def push(haidang: Run, there: State, *more: str) -> Any:
    return haidang("push", "--url", there.url, "--collector", COLLECTOR, *more)


def readers(there: State, folder: str) -> set[tuple[str, int]]:
    return {(item["team"] or item["role"] or "person", item["permission"]) for item in there.permissions[folder]}


@pytest.mark.parametrize("version", ["10.0.0", "11.6.3", "12.2.0", "13.0.1-pre"])
def test_a_first_run_puts_everything_there_and_a_second_does_nothing(haidang: Run, version: str) -> None:
    with grafana(version) as there:
        first = push(haidang, there)
        assert first.exit_code == 0, first.output
        assert set(there.data_sources) == set(there.folders) == {CITY, ONE, GO_VAP}
        assert set(there.teams) == {"haidang-city", "haidang-quan-1", "haidang-quan-go-vap"}
        assert set(there.boards) == {
            "hd-city-vi", "hd-school-vi", "hd-school-vi-quan-1", "hd-school-vi-quan-go-vap",
        }  # fmt: skip
        assert there.boards["hd-school-vi-quan-1"]["meta"]["folderUid"] == ONE
        there.writes.clear()

        second = push(haidang, there)

        assert second.exit_code == 0
        assert there.writes == []
        assert second.stdout == ""
        assert "nothing to do: all 16 as wanted" in second.stderr


def test_a_data_source_asks_for_its_scope_with_a_token_of_its_own(
    haidang: Run, there: State, registry: Registry
) -> None:
    push(haidang, there)

    held = {uid: secret["httpHeaderValue1"].removeprefix("Bearer ") for uid, secret in there.secrets.items()}
    scopes = {uid: tokens.scope_of(registry.database, token) for uid, token in held.items()}
    assert scopes == {CITY: Scope(), ONE: Scope(district="Quận 1"), GO_VAP: Scope(district="Quận Gò Vấp")}
    assert there.data_sources[ONE]["url"] == f"{COLLECTOR}/api/v1/prom/district:Qu%E1%BA%ADn%201"
    assert there.data_sources[ONE]["jsonData"]["httpHeaderName1"] == "Authorization"
    assert there.data_sources[ONE]["jsonData"]["manageAlerts"] is False


def test_a_folder_opens_to_its_team_and_the_citys_and_a_person_let_in_by_hand(haidang: Run, there: State) -> None:
    """
    Grafana opens a new folder to every Viewer and Editor: that is taken away.
    """
    push(haidang, there)

    assert readers(there, CITY) == {("haidang-city", 1), ("person", 4)}
    assert readers(there, ONE) == {("haidang-city", 1), ("haidang-quan-1", 1), ("person", 4)}
    assert [item["userId"] for item in there.permissions[ONE] if item["userId"]] == [SERVICE_ACCOUNT]


def test_a_districts_dashboards_lead_to_each_other_and_show_its_data_source(haidang: Run, there: State) -> None:
    push(haidang, there)

    content = there.boards["hd-school-vi-quan-1"]["dashboard"]
    (variable,) = content["templating"]["list"]
    (link,) = content["panels"][0]["links"]
    assert variable["current"] == {"text": "Hải Đăng · Quận 1", "value": ONE}
    assert variable["regex"] == "/^Hải Đăng · Quận 1$/"
    assert link["url"] == "/d/hd-school-vi-quan-1?x=/d/hd-school-vi"
    assert content["tags"] == content["links"][0]["tags"] == ["hai-dang-quan-1", "vi"]
    assert there.boards["hd-school-vi"]["dashboard"]["panels"][0]["links"][0]["title"] == "city"


def test_a_dry_run_writes_nothing_anywhere_and_says_what_differs(
    haidang: Run, there: State, registry: Registry
) -> None:
    before = push(haidang, there, "--dry-run")
    assert (before.exit_code, there.writes, tokens.all_tokens(registry.database)) == (1, [], [])
    assert "would be created: dashboard hd-city-vi" in before.stdout
    assert "would be created: folder Hải Đăng · Quận 1" in before.stdout

    push(haidang, there)
    assert push(haidang, there, "--dry-run").exit_code == 0
    there.boards["hd-city-vi"]["dashboard"]["panels"][0]["title"] = "by hand"
    there.writes.clear()

    after = push(haidang, there, "--dry-run")

    assert (after.exit_code, there.writes) == (1, [])
    expected = "would be updated: dashboard hd-city-vi\n  panels[0].title: 'by hand' → 'Panel of city'\n"
    assert after.stdout == expected


def test_what_was_changed_by_hand_is_put_right(haidang: Run, there: State) -> None:
    push(haidang, there)
    there.boards["hd-city-vi"]["dashboard"]["panels"].append({"title": "one more"})
    there.boards["hd-school-vi"]["meta"]["folderUid"] = ""
    there.folders[ONE]["title"] = "Elsewhere"
    there.data_sources[ONE]["url"] = "https://collector.example/api/v1/prom/city"
    there.permissions[GO_VAP].append({"role": "Viewer", "permission": 1, "teamId": 0, "userId": 0, "team": ""})
    secret = there.secrets[ONE]["httpHeaderValue1"]
    there.writes.clear()

    told = json.loads(push(haidang, there, "--json").stdout)["changes"]

    changed = {(one["what"], one["name"]) for one in told if one["deed"] == "updated"}
    assert changed == {
        ("dashboard", "hd-city-vi"),
        ("dashboard", "hd-school-vi"),
        ("folder", "Hải Đăng · Quận 1"),
        ("data source", "Hải Đăng · Quận 1"),
        ("permissions", "Hải Đăng · Quận Gò Vấp"),
    }
    assert len(there.writes) == len(changed)
    assert there.secrets[ONE]["httpHeaderValue1"] == secret
    assert "nothing to do" in push(haidang, there).stderr


@pytest.mark.parametrize("lost", ["revoked", "another's", "gone"])
def test_a_token_that_holds_no_more_is_replaced(haidang: Run, there: State, registry: Registry, lost: str) -> None:
    push(haidang, there)
    before = there.secrets[ONE]["httpHeaderValue1"]
    told = there.data_sources[ONE]["jsonData"]
    if lost == "revoked":
        assert haidang("revoke", told["haidangToken"]).exit_code == 0
    elif lost == "gone":
        there.data_sources[ONE]["secureJsonFields"] = {}
    else:
        told["haidangToken"] = there.data_sources[GO_VAP]["jsonData"]["haidangToken"]

    result = push(haidang, there)

    token = there.secrets[ONE]["httpHeaderValue1"].removeprefix("Bearer ")
    assert (result.exit_code, before.endswith(token)) == (0, False)
    assert tokens.scope_of(registry.database, token) == Scope(district="Quận 1")
    assert token not in result.output


def test_a_token_that_grafana_did_not_take_is_taken_back(haidang: Run, there: State, registry: Registry) -> None:
    there.refuses["datasources"] = 500

    result = push(haidang, there)

    assert result.exit_code == 1
    assert "data source haidang: Server Error 500: refused by the test" in result.stderr
    assert [fact.revoked_at is None for fact in tokens.all_tokens(registry.database)] == [False]


def test_a_data_source_of_a_file_is_not_fought_over(haidang: Run, there: State) -> None:
    push(haidang, there)
    there.data_sources[CITY] |= {"readOnly": True, "url": "http://elsewhere"}

    result = push(haidang, there)

    assert result.exit_code == 1
    assert "data source Hải Đăng: is provisioned by file" in result.stderr


def test_what_was_done_before_a_refusal_is_told(haidang: Run, there: State) -> None:
    there.refuses["dashboards"] = 403

    told = json.loads(push(haidang, there, "--json").stdout)

    assert [change["what"] for change in told["changes"]] == ["data source", "team", "folder", "permissions"]
    assert "needs the role Admin" in told["problems"][0]


def test_a_district_alone_goes_into_an_organisation_of_its_own(haidang: Run, there: State) -> None:
    result = push(haidang, there, "--only", "district:Quận 1")

    assert result.exit_code == 0
    assert set(there.data_sources) == set(there.folders) == {ONE}
    assert set(there.boards) == {"hd-school-vi-quan-1"}


def test_grafanas_token_comes_from_a_file_or_standard_input(
    haidang: Run, there: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HAIDANG_GRAFANA_TOKEN")
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    asked = ("push", "--url", there.url)

    assert haidang(*asked, "--token-file", str(file)).exit_code == 0
    assert haidang(*asked, "--token-file", "-", stdin=f"{TOKEN}\n").exit_code == 0
    without = haidang(*asked)
    assert (without.exit_code, "HAIDANG_GRAFANA_TOKEN" in without.stderr) == (2, True)
    wrong = haidang(*asked, "--token-file", "-", stdin="glsa_wrong")
    assert (wrong.exit_code, "the token is wrong or expired" in wrong.stderr) == (1, True)
    assert "glsa_wrong" not in wrong.output


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("--url", "http://admin:secret@127.0.0.1/"), 2, "without user, password"),
        (("--url", "https://127.0.0.1/?verify=false"), 2, "without user, password"),
        (("--url", "ftp://127.0.0.1/"), 2, "https://grafana.example/"),
        (("--url", "http://127.0.0.1:99999/"), 2, "Port out of range"),
        (("--url", "http://x/", "--collector", "collector:8080"), 2, "--collector"),
        (("--url", "http://x/", "--only", "district:Nowhere"), 2, "no district of the registry"),
        (("--url", "http://x/", "--only", "everything"), 2, "write city, district:NAME"),
        (("--url", "http://x/", "--language", "en"), 2, "no dashboards here"),
        (("--url", "http://x/", "--token-file", "/nowhere/token"), 2, "No such file"),
        (("--url", "http://x/", "--ca", "/nowhere/ca.pem"), 2, "no such file"),
        (("--url", f"http://127.0.0.1:{free_port()}/"), 1, "its version"),
    ],
)
def test_what_cannot_be_asked_is_one_line(haidang: Run, arguments: tuple[str, ...], status: int, words: str) -> None:
    result = haidang("push", *arguments)

    assert result.exit_code == status
    assert words in result.stderr
    assert "secret" not in result.stderr


def test_a_grafana_that_is_too_old_is_left_alone(haidang: Run) -> None:
    with grafana("9.5.21") as there:
        result = push(haidang, there)

    assert (result.exit_code, there.writes) == (1, [])
    assert "version 9.5.21; needed is Grafana 10" in result.stderr
