from __future__ import annotations

import subprocess
import tomllib
from pathlib import Path
from typing import Any

import haidang_collector
import pytest
import yaml
from haidang_collector.supervisor import files
from haidang_collector.supervisor.plan import Plan
from haidang_collector.supervisor.programs import own

MAIL = {"smtp": "mail.example:2525", "mail_to": ("an@example", "binh@example")}


def written(plan: Plan, name: str) -> dict[str, Any]:
    files.write_files(plan)
    content: dict[str, Any] = yaml.safe_load((plan.data / name / f"{name}.yml").read_text())
    return content


@pytest.mark.parametrize("more", [{}, MAIL], ids=["without mail", "with mail"])
def test_the_programs_accept_their_files(tmp_path: Path, more: dict[str, Any]) -> None:
    files.write_files(Plan(tmp_path, **more))

    for command in (
        ["promtool", "check", "config", str(tmp_path / "prometheus/prometheus.yml")],
        ["amtool", "check-config", str(tmp_path / "alertmanager/alertmanager.yml")],
        [own("haidang-agent"), "check-config", "--config", str(tmp_path / "agent/agent.toml")],
    ):
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_prometheus_takes_what_agents_kept_for_thirty_days(tmp_path: Path) -> None:
    config = written(Plan(tmp_path), "prometheus")

    assert config["storage"]["tsdb"]["out_of_order_time_window"] == "31d"
    assert config["global"] == {"scrape_interval": "5s", "evaluation_interval": "5s"}
    jobs = {job["job_name"]: job["static_configs"][0]["targets"] for job in config["scrape_configs"]}
    collector = ["127.0.0.1:8080"]
    assert jobs == {
        "collector": collector, "registry": collector, "facts": collector, "prometheus": ["127.0.0.1:9090"],
    }  # fmt: skip


def test_alerts_go_to_the_collector_and_to_mail_where_there_is_a_server(tmp_path: Path) -> None:
    def ways(plan: Plan, kind: str) -> list[dict[str, Any]]:
        receivers = written(plan, "alertmanager")["receivers"]
        return [way for receiver in receivers for way in receiver.get(kind, [])]

    silent, mailed = Plan(tmp_path, collector_port=18080), Plan(tmp_path, **MAIL)  # type: ignore[arg-type]

    assert {hook["url"] for hook in ways(silent, "webhook_configs")} == {"http://127.0.0.1:18080/api/v1/alertmanager"}
    assert ways(silent, "email_configs") == []
    assert {mail["to"] for mail in ways(mailed, "email_configs")} == {"an@example, binh@example"}
    assert written(mailed, "alertmanager")["global"]["smtp_smarthost"] == "mail.example:2525"


def test_the_watchdog_holds_a_switch_elsewhere_where_there_is_one(tmp_path: Path) -> None:
    def of_switch(plan: Plan) -> Any:
        (receiver,) = (r for r in written(plan, "alertmanager")["receivers"] if r["name"] == "deadman")
        return receiver.get("webhook_configs")

    address, token = "https://watch.example:9095/watchdog", tmp_path / "token"
    token.write_text("x" * 20)
    plan = Plan(tmp_path, deadman=address, deadman_token_file=token)

    assert of_switch(Plan(tmp_path)) is None
    assert of_switch(Plan(tmp_path, deadman=address)) == [{"url": address, "send_resolved": False}]
    assert of_switch(plan) == [
        {
            "url": address,
            "send_resolved": False,
            "http_config": {"authorization": {"credentials_file": str(token)}},
        }
    ]
    checked = subprocess.run(["amtool", "check-config", str(tmp_path / "alertmanager/alertmanager.yml")], check=False)
    assert checked.returncode == 0


@pytest.mark.parametrize("public", ["", "https://hd.example/"])
def test_links_of_its_own_mail_lead_to_the_pages(tmp_path: Path, public: str) -> None:
    templates = written(Plan(tmp_path, collector_port=18080, public_url=public), "alertmanager")["templates"]
    command = ["amtool", "template", "render", *(f"--template.glob={each}" for each in templates)]
    rendered = subprocess.run(
        [*command, '--template.text={{ template "haidang.pages" }}'], capture_output=True, text=True, check=False
    )

    assert rendered.stdout.strip() == (public.rstrip("/") or "http://127.0.0.1:18080"), rendered.stderr


def test_the_agent_watches_the_targets_given(tmp_path: Path) -> None:
    folder = tmp_path / 'a "strange" \\ folder'

    config = tomllib.loads(files.agent_config(Plan(folder, targets=("192.0.2.1",))))

    assert config["agent"]["state_dir"] == str(folder / "agent")
    assert config["probes"]["internet"]["targets"] == ["192.0.2.1"]
    assert "probes" not in tomllib.loads(files.agent_config(Plan(folder)))


def test_rules_are_found_in_a_checkout_and_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert files.alerts_folder() == Path(haidang_collector.__file__).parents[2] / "alerts"

    monkeypatch.setattr(files, "PACKAGED_ALERTS", tmp_path)
    assert files.alerts_folder() == tmp_path
