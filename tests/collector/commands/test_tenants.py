"""`haidang tenants`: what it refuses and takes away. What its files do: tests/collector/test_tenant_files.py."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import certifi
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
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
    others = out / "rules/mine/own.yml"
    others.parent.mkdir()
    others.touch()

    told = json.loads(haidang("tenants", "--out", out, "--json").stdout)

    assert [each["district"] for each in told] == ["", "Quận Mẫu Bắc", "Quận Mẫu Nam"]
    names = {each["tenant"] for each in told}
    assert {file.stem for file in (out / "relabel").iterdir()} == names
    assert {file.stem.removeprefix("vmalert-") for file in out.glob("vmalert-*.env")} == names
    assert not (out / "rules/district/gone.yml").exists()
    assert others.exists()


@pytest.fixture(params=[0o077, 0o000], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("mimir", "umask")
def test_vmagent_can_read_its_files_and_nobody_the_addresses(haidang: Haidang, tmp_path: Path) -> None:
    """
    They may hold passwords; systemd reads them as root. One of an earlier version is closed too.
    """
    out = tmp_path / "new/tenants"
    out.mkdir(parents=True)
    out.chmod(0o700)
    (out / "vmagent.env").write_text("x" * 9999)
    (out / "vmagent.env").chmod(0o644)

    haidang("tenants", "--out", out)

    mode = {path: path.stat().st_mode & 0o777 for path in out.rglob("*")}
    assert {mode[path] for path in mode if path.is_dir()} == {0o755}
    assert {mode[path] for path in mode if path.suffix == ".env"} == {0o600}
    assert {mode[path] for path in mode if path.suffix == ".yml"} == {0o644}
    assert out.stat().st_mode & 0o777 == 0o700, "a folder that was there stays as it was"
    assert "xxx" not in (out / "vmagent.env").read_text("utf-8")


@pytest.mark.usefixtures("mimir")
@pytest.mark.parametrize("name", ["vmagent.env", "vmalert-quan-mau-bac-6c10fde0.env"])
def test_mimir_is_told_the_tenant_in_a_header(haidang: Haidang, tmp_path: Path, name: str) -> None:
    told = haidang("tenants", "--out", tmp_path / "tenants")

    assert "-datasource.headers" in told.stderr, "Debian's vmalert cannot do it"
    assert "X-Scope-OrgID:quan-mau-bac-6c10fde0" in (tmp_path / "tenants" / name).read_text("utf-8")


@pytest.mark.usefixtures("mimir")
def test_the_authorities_of_the_store_are_trusted_and_what_waits_is_bounded(
    haidang: Haidang, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = certifi.where()
    monkeypatch.setenv("HAIDANG_STORE_CA", file)
    haidang("tenants", "--out", tmp_path / "tenants")

    vmagent = (tmp_path / "tenants/vmagent.env").read_text("utf-8").splitlines()
    vmalert = (tmp_path / "tenants/vmalert-haidang.env").read_text("utf-8").splitlines()
    assert {f'remoteWrite_tlsCAFile="{file}"', f'remoteWrite_maxDiskUsagePerURL="{1 << 30}"'} <= {*vmagent}
    assert {f'datasource_tlsCAFile="{file}"', f'remoteRead_tlsCAFile="{file}"'} <= {*vmalert}


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


@pytest.mark.usefixtures("mimir")
def test_a_vmalert_that_cannot_run_is_one_line(haidang: Haidang, tmp_path: Path) -> None:
    program = tmp_path / "vmalert"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)

    refused = haidang("tenants", "--out", tmp_path / "tenants", "--vmalert", program)

    assert (refused.exit_code, refused.stdout, refused.stderr.count("\n")) == (2, "", 1)
    assert str(program) in refused.stderr
