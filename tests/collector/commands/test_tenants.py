"""`haidang tenants`: what it refuses and takes away. What its files do: tests/collector/test_tenant_files.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.collector.commands.conftest import Haidang


@pytest.fixture
def mimir(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAIDANG_STORE", "mimir")
    monkeypatch.setenv("HAIDANG_STORE_TENANT", "district")


@pytest.mark.usefixtures("mimir")
def test_what_belonged_to_a_district_that_is_no_more_goes(haidang: Haidang, tmp_path: Path) -> None:
    out = tmp_path / "tenants"
    for gone in ("vmalert-gone.env", "relabel/gone.yml", "rules/district/gone.yml"):
        (out / gone).parent.mkdir(parents=True, exist_ok=True)
        (out / gone).touch()

    told = json.loads(haidang("tenants", "--out", out, "--json").stdout)

    assert [each["district"] for each in told] == ["", "Quận Mẫu Bắc", "Quận Mẫu Nam"]
    names = {each["tenant"] for each in told}
    assert {file.stem for file in (out / "relabel").iterdir()} == names
    assert {file.stem.removeprefix("vmalert-") for file in out.glob("vmalert-*.env")} == names
    assert not (out / "rules/district/gone.yml").exists()


@pytest.mark.usefixtures("mimir")
@pytest.mark.parametrize("name", ["vmagent.env", "vmalert-quan-mau-bac-6c10fde0.env"])
def test_mimir_is_told_the_tenant_in_a_header(haidang: Haidang, tmp_path: Path, name: str) -> None:
    haidang("tenants", "--out", tmp_path / "tenants")

    assert "X-Scope-OrgID:quan-mau-bac-6c10fde0" in (tmp_path / "tenants" / name).read_text("utf-8")


@pytest.mark.usefixtures("mimir")
def test_the_password_of_the_scrapes_stays_in_its_file(haidang: Haidang, tmp_path: Path) -> None:
    haidang("tenants", "--out", tmp_path / "tenants", "--password-file", tmp_path / "password")

    assert f"password_file: {tmp_path}/password" in (tmp_path / "tenants/scrape.yml").read_text("utf-8")


def test_without_tenants_there_is_nothing_to_write(haidang: Haidang, tmp_path: Path) -> None:
    refused = haidang("tenants", "--out", tmp_path / "tenants")

    assert (refused.exit_code, "HAIDANG_STORE_TENANT=district" in refused.stderr) == (2, True)
    assert not (tmp_path / "tenants").exists()


@pytest.mark.usefixtures("mimir")
def test_without_vmalert_it_is_not_known_which_rules_it_reads(haidang: Haidang, tmp_path: Path) -> None:
    refused = haidang("tenants", "--out", tmp_path / "tenants", "--vmalert", "no-such-vmalert")

    assert (refused.exit_code, "apt-get install victoria-metrics" in refused.stderr) == (2, True)
