"""The bundle's archive: named, summed and signed so that sha256sum and openssl say the same."""

from __future__ import annotations

import subprocess
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from scripts.bundle import EXTRAS, PLATFORMS, BundleError, pack, sums
from tests.packaging.wheelhouse import ROOT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    folder = tmp_path / "draft"
    (folder / "wheelhouse").mkdir(parents=True)
    (folder / "wheelhouse/a-1-py3-none-any.whl").write_bytes(b"wheel")
    (folder / "install.sh").write_text("#!/bin/sh\n", encoding="ascii")
    return folder


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("signer")
    made = ["-keyout", str(folder / "signing.key"), "-out", str(folder / "signer.pem")]
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-days", "2", "-nodes", "-subj", "/CN=x"]
    subprocess.run([*command, *made], check=True, capture_output=True, timeout=60)
    return folder


def test_sha256sum_agrees(draft: Path) -> None:
    pack(draft, draft.parent / "x.tar.gz", None)

    done = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=draft, check=False)

    assert done.returncode == 0
    assert [line.split("  ")[1] for line in sums(draft).splitlines()] == [
        "install.sh",
        "wheelhouse/a-1-py3-none-any.whl",
    ]


@pytest.mark.parametrize("changed", [False, True])
def test_openssl_agrees(draft: Path, signer: Path, changed: bool) -> None:
    pack(draft, draft.parent / "x.tar.gz", signer / "signing.key")
    if changed:
        (draft / "SHA256SUMS").write_text("", encoding="ascii")
    public = subprocess.run(
        ["openssl", "x509", "-in", signer / "signer.pem", "-pubkey", "-noout"], capture_output=True, check=True
    ).stdout
    (draft / "public").write_bytes(public)

    told = ["-verify", "public", "-signature", "SHA256SUMS.sig", "SHA256SUMS"]
    done = subprocess.run(["openssl", "dgst", "-sha256", *told], cwd=draft, capture_output=True, check=False)

    assert (done.returncode == 0) is not changed


def test_a_key_that_is_none_is_told(draft: Path, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("no key", encoding="ascii")

    with pytest.raises(BundleError, match="openssl dgst"):
        pack(draft, tmp_path / "x.tar.gz", tmp_path / "key")


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_all_lies_in_one_folder_and_the_script_can_be_started(draft: Path, ending: str) -> None:
    archive = pack(draft, draft.parent / f"haidang-agent-1{ending}", None)

    if ending == ".zip":
        with zipfile.ZipFile(archive) as packed:
            modes = {entry.filename: entry.external_attr >> 16 for entry in packed.infolist()}
    else:
        with tarfile.open(archive) as unpacked:
            modes = {entry.name: entry.mode for entry in unpacked.getmembers()}
    assert modes == {
        "haidang-agent-1/SHA256SUMS": 0o644,
        "haidang-agent-1/install.sh": 0o755,
        "haidang-agent-1/wheelhouse/a-1-py3-none-any.whl": 0o644,
    }


@pytest.mark.parametrize("ending", [".tar.gz", ".zip"])
def test_the_same_files_make_the_same_archive(draft: Path, ending: str) -> None:
    archive = draft.parent / f"x{ending}"
    first = pack(draft, archive, None).read_bytes()
    (draft / "install.sh").touch()

    assert pack(draft, archive, None).read_bytes() == first


def test_what_is_put_beside_the_wheels_is_there() -> None:
    files = [ROOT / "packaging" / file for platform in PLATFORMS.values() for file in platform.installer]

    assert [file for file in files if not file.is_file()] == []


def test_the_extras_are_those_of_the_project() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")

    assert [extra for extras in EXTRAS.values() for extra in extras if f"\n{extra} = [" not in project] == []
