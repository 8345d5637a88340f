"""install.sh and uninstall.sh of an offline bundle, on this machine's own files with an overlay over them."""

from __future__ import annotations

import json
import shutil
import subprocess
import tomllib
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token

from scripts.bundle import pack
from tests.collector.running import UNIT, add_agent, database_url, serving
from tests.packaging.sealed import Sealed
from tests.packaging.wheelhouse import ROOT, fill

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)
"""Seconds, the fixtures included: a virtual environment each, on a machine that may be busy."""
INSTALL = ROOT / "packaging/linux/install.sh"
BAD_USAGE = 2


class Centre(NamedTuple):
    """`token` is a file."""

    url: str
    token: Path


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two signers: `ours` and `theirs`, .key and .pem."""
    folder = tmp_path_factory.mktemp("keys")
    for who in ("ours", "theirs"):
        made = ["-keyout", str(folder / f"{who}.key"), "-out", str(folder / f"{who}.pem"), "-subj", f"/CN={who}"]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-days", "2", "-nodes", *made]
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    return folder


@pytest.fixture(scope="module")
def bundle(wheel: Path, keys: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    draft = folder / "draft"
    fill(draft / "wheelhouse", wheel, "router", "snmp")
    shutil.copy2(INSTALL, draft)
    return pack(draft, folder / "haidang-agent-linux.tar.gz", keys / "ours.key")


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Centre]:
    folder = tmp_path_factory.mktemp("centre")
    add_agent(database_url(folder))
    with serving(folder, DATABASE_URL=database_url(folder)) as served:
        registry = Registry(database_url(folder))
        (folder / "token").write_text(
            create_token(registry.database, UNIT, uses=9, lifetime=timedelta(hours=1)).token, encoding="ascii"
        )
        registry.close()
        yield Centre(served.url, folder / "token")


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Sealed]:
    with Sealed(tmp_path) as sealed:
        yield sealed


def unpacked(bundle: Path, folder: Path) -> Path:
    subprocess.run(["tar", "-xzf", str(bundle), "-C", str(folder)], check=True, timeout=60)
    return folder / bundle.name.removesuffix(".tar.gz")


def test_installed_again_and_taken_away(machine: Sealed, bundle: Path, keys: Path, centre: Centre) -> None:
    url, token = centre
    before = machine.accounts()
    words = ("--offline", str(bundle), "--signer", str(keys / "ours.pem"), "--role", "host", "--lab", "Phòng máy 1")

    first = machine.run(str(INSTALL), "--server", url, "--token-file", str(token), *words)

    assert "The bundle's signature is right." in first.stderr
    assert f"(unit {UNIT})" in first.stderr
    assert "✓ collector" in first.stdout, first.stdout + first.stderr
    assert token.read_text(encoding="ascii") not in first.stdout + first.stderr
    assert tomllib.loads((machine.root / "etc/haidang/agent.toml").read_text(encoding="utf-8")) == {
        "server": {"url": url},
        "agent": {"roles": ["host"], "lab": "Phòng máy 1"},
    }
    identity = machine.root / "var/lib/haidang/credentials.json"
    issued = json.loads(identity.read_text(encoding="utf-8"))
    assert (identity.stat().st_mode & 0o777, identity.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    again = machine.run("/opt/haidang/install.sh", "--offline", str(bundle))

    assert "at /opt/haidang/releases/" in again.stderr
    assert "signature is right" in again.stderr  # by the signer of the first time
    assert json.loads(identity.read_text(encoding="utf-8")) == issued

    gone = machine.run("/opt/haidang/uninstall.sh", "--purge")

    assert gone.returncode == 0, gone.stderr
    assert machine.changes() == set()
    assert machine.accounts() == before


def test_what_was_measured_stays_without_purge(machine: Sealed) -> None:
    for name in ("etc/haidang/agent.toml", "var/lib/haidang/outbox.db", "opt/haidang/releases/1/bin/python"):
        (machine.root / name).parent.mkdir(parents=True)
        (machine.root / name).write_text("", encoding="ascii")

    done = machine.run(str(INSTALL.with_name("uninstall.sh")))

    assert done.returncode == 0, done.stderr
    assert {path for path in machine.changes() if (machine.root / path[1:]).is_file()} == {
        "/etc/haidang/agent.toml",
        "/var/lib/haidang/outbox.db",
    }


@pytest.mark.parametrize("words", [(), ("--server",), ("--server", "https://x", "--role", "king"), ("--nonsense", "1")])
def test_bad_usage_is_told(machine: Sealed, words: tuple[str, ...]) -> None:
    done = machine.run(str(INSTALL), *words)

    assert done.returncode == BAD_USAGE
    assert "usage: install.sh" in done.stderr
    assert machine.changes() == set()


def test_a_dry_run_changes_nothing(machine: Sealed, bundle: Path, centre: Centre) -> None:
    done = machine.run(str(INSTALL), "--server", centre.url, "--offline", str(bundle), "--dry-run", "--lang", "vi")

    assert done.returncode == 0, done.stderr
    assert "+ systemd-sysusers" in done.stderr
    assert "Chạy thử: không thay đổi gì." in done.stderr
    assert machine.changes() == set()


def test_a_centre_that_does_not_answer_stops_it(machine: Sealed, bundle: Path) -> None:
    done = machine.run(str(INSTALL), "--server", "http://127.0.0.1:1", "--offline", str(bundle))

    assert done.returncode == BAD_USAGE
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr
    assert machine.changes() == set()


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("changed", "damaged or was changed"),
        ("added", "files that SHA256SUMS does not name"),
        ("taken away", "damaged or was changed"),
        ("another signer", "NOT installed"),
        ("no signature", "NOT installed"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(
    machine: Sealed, bundle: Path, keys: Path, centre: Centre, tmp_path: Path, fault: str, said: str
) -> None:
    folder = unpacked(bundle, tmp_path)
    signer = "theirs" if fault == "another signer" else "ours"
    wheel = next((folder / "wheelhouse").glob("psutil-*.whl"))
    match fault:
        case "changed":
            wheel.write_bytes(wheel.read_bytes() + b"\0")
        case "added":
            (folder / "wheelhouse/haidang-99-py3-none-any.whl").write_bytes(b"")
        case "taken away":
            wheel.unlink()
        case "no signature":
            (folder / "SHA256SUMS.sig").unlink()

    words = ("--server", centre.url, "--signer", str(keys / f"{signer}.pem"))
    done = machine.run(str(folder / "install.sh"), *words, feed="")

    assert done.returncode == BAD_USAGE, done.stderr
    assert said in done.stderr
    assert machine.changes() == set()
