"""install.sh and uninstall.sh of an offline bundle, on this machine's own files with an overlay over them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tomllib
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, NamedTuple

import pytest
from haidang_collector.registry.store import Registry
from haidang_collector.registry.tokens import create_token
from haidang_collector.web.enrol_pages import FILES, installers

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


def _link(link: Path, target: str) -> None:
    link.unlink()
    link.symlink_to(target)


def test_installed_again_and_taken_away(machine: Sealed, bundle: Path, keys: Path, centre: Centre) -> None:
    url = centre.url
    token = centre.token.with_name("windows.txt")
    token.write_bytes(b"\xef\xbb\xbf" + centre.token.read_bytes() + b"\r\n")
    before = machine.accounts()
    words = ("--offline", str(bundle), "--signer", str(keys / "ours.pem"), "--role", "host", "--lab", "Phòng máy 1")

    first = machine.run(str(INSTALL), "--server", url, "--token-file", str(token), *words)

    assert "The bundle's signature is right." in first.stderr
    assert f"(unit {UNIT})" in first.stderr
    assert "✓ collector" in first.stdout, first.stdout + first.stderr
    assert centre.token.read_text(encoding="ascii") not in first.stdout + first.stderr
    assert tomllib.loads((machine.root / "etc/haidang/agent.toml").read_text(encoding="utf-8")) == {
        "server": {"url": url},
        "agent": {"roles": ["host"], "lab": "Phòng máy 1"},
    }
    identity = machine.root / "var/lib/haidang/credentials.json"
    issued = json.loads(identity.read_text(encoding="utf-8"))
    assert (identity.stat().st_mode & 0o777, identity.parent.stat().st_mode & 0o777) == (0o600, 0o700)

    releases, links = machine.root / "opt/haidang/releases", machine.root / "opt/haidang"
    (version,) = (path.name for path in releases.iterdir())
    before_it, older = releases / "0", releases / "00"
    for folder in (before_it, older):
        folder.mkdir()
    _link(links / "current", f"/opt/haidang/releases/{version}")  # as Ansible writes it
    again = machine.run("/opt/haidang/install.sh", "--offline", str(bundle))

    assert "at /opt/haidang/releases/" in again.stderr
    assert "signature is right" in again.stderr  # by the signer of the first time
    assert json.loads(identity.read_text(encoding="utf-8")) == issued
    assert before_it.is_dir(), "the way back"

    _link(links / "current", f"/opt/haidang/releases/{before_it.name}")
    upgraded = machine.run("/opt/haidang/install.sh", "--offline", str(bundle))

    assert "✓ collector" in upgraded.stdout, upgraded.stdout + upgraded.stderr
    assert {path.name for path in releases.iterdir()} == {version, before_it.name}
    assert [(links / name).readlink().name for name in ("current", "previous")] == [version, before_it.name]

    (libraries,) = (machine.root / "opt/haidang/current/lib").glob("python3*")
    libraries.rename(libraries.with_name("python3.1"))  # as a newer Python of the system leaves it
    mended = machine.run("/opt/haidang/install.sh", "--offline", str(bundle))

    assert "✓ collector" in mended.stdout, mended.stdout + mended.stderr

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


def test_what_cannot_be_taken_away_is_told(machine: Sealed) -> None:
    """
    The state is a mount where the disk is restored at each start; the rest goes all the same.
    """
    config = machine.root / "etc/haidang/agent.toml"
    config.parent.mkdir()
    config.write_text('[agent]\nstate_dir = "/var/lib/elsewhere"\n', encoding="ascii")
    machine.run("sh", "-euc", "mkdir /var/lib/haidang /var/lib/elsewhere; mount -t tmpfs tmpfs /var/lib/haidang")

    done = machine.run(str(INSTALL.with_name("uninstall.sh")), "--purge")

    assert done.returncode == 0, done.stderr
    assert "/var/lib/elsewhere stays" in done.stderr
    assert "/var/lib/haidang stays" in done.stderr
    assert "nothing is left" not in done.stderr
    assert machine.changes() == {"/var/lib/haidang", "/var/lib/elsewhere"}

    (machine.root / "var/lib/elsewhere").rmdir()
    again = machine.run("sh", "-euc", f"umount /var/lib/haidang; {INSTALL.with_name('uninstall.sh')} --purge")

    assert "nothing is left" in again.stderr


def test_a_dry_removal_says_that_it_is_one(machine: Sealed) -> None:
    done = machine.run(str(INSTALL.with_name("uninstall.sh")), "--purge", "--dry-run")

    assert (done.returncode, machine.changes()) == (0, set())
    assert "Dry run: nothing was changed." in done.stderr
    assert "is removed" not in done.stderr


BAD_WORDS = [
    (),
    ("--server",),
    ("--server", "https://x", "--role", "king"),
    ("--server", "https://x", "--lab", 'a"b'),
    ("--server", "https://x", "--lab", "a\nb"),
    ("--nonsense", "1"),
    ("--server", "https://x", "--later", "--token-file", "/dev/null"),
]


@pytest.mark.parametrize("words", BAD_WORDS)
def test_bad_usage_is_told(machine: Sealed, words: tuple[str, ...]) -> None:
    done = machine.run(str(INSTALL), *words)

    assert done.returncode == BAD_USAGE
    assert "usage: install.sh" in done.stderr
    assert machine.changes() == set()


def test_the_name_of_a_wheel_leads_nowhere_else(machine: Sealed, centre: Centre, tmp_path: Path) -> None:
    (tmp_path / "draft/wheelhouse").mkdir(parents=True)
    (tmp_path / "draft/wheelhouse/haidang-..-py3-none-any.whl").touch()
    archive = pack(tmp_path / "draft", tmp_path / "odd.tar.gz", None)

    words = ("--server", centre.url, "--token-file", str(centre.token))
    done = machine.run(str(INSTALL), *words, "--offline", str(archive))

    assert done.returncode == BAD_USAGE, done.stderr
    assert machine.changes() == set()


def test_the_departments_files_may_lie_beside_it(
    machine: Sealed, bundle: Path, keys: Path, centre: Centre, tmp_path: Path
) -> None:
    folder = unpacked(bundle, tmp_path)
    shutil.copy2(keys / "ours.pem", folder)
    script = f'cd "{folder}"; ./install.sh --server {centre.url} --ca ours.pem --signer ours.pem --dry-run'

    done = machine.run("sh", "-c", script)

    assert done.returncode == 0, done.stderr


def test_a_dry_run_changes_nothing(machine: Sealed, bundle: Path, centre: Centre) -> None:
    """
    Here with the command that gives labels where SELinux is.
    """
    restorecon = machine.root / "usr/local/bin/restorecon"
    restorecon.write_text("#!/bin/sh\nexit 1\n", encoding="ascii")
    restorecon.chmod(0o755)

    done = machine.run(str(INSTALL), "--server", centre.url, "--offline", str(bundle), "--dry-run", "--lang", "vi")

    assert done.returncode == 0, done.stderr
    assert "+ systemd-sysusers" in done.stderr
    assert "+ restorecon -R /opt/haidang/releases/" in done.stderr
    assert "Chạy thử: không thay đổi gì." in done.stderr
    assert machine.changes() == {"/usr/local/bin/restorecon"}


def test_what_the_enrol_page_says_fetches_and_runs_it(
    machine: Sealed, bundle: Path, centre: Centre, tmp_path: Path
) -> None:
    """
    With an address in the place of the department's, and nothing changed.
    """
    shutil.copy2(bundle, tmp_path / "haidang-agent-linux-x86_64.tar.gz")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=tmp_path)) as files:
        Thread(target=files.serve_forever, daemon=True).start()
        line = installers(centre.url)["linux"].replace(FILES, f"http://127.0.0.1:{files.server_port}")
        done = machine.run("sh", "-c", f"{line.replace('sudo ', '')} --dry-run")
        files.shutdown()

    assert done.returncode == 0, done.stderr
    assert f"The collector {centre.url} answers." in done.stderr
    assert "Dry run: nothing was changed." in done.stderr


def test_a_centre_that_does_not_answer_stops_it(machine: Sealed, bundle: Path) -> None:
    done = machine.run(str(INSTALL), "--server", "http://127.0.0.1:1", "--offline", str(bundle))

    assert done.returncode == BAD_USAGE
    assert "http://127.0.0.1:1 cannot be reached" in done.stderr
    assert machine.changes() == set()


def test_without_internet_it_is_installed_now_and_enrolled_another_day(
    machine: Sealed, bundle: Path, centre: Centre
) -> None:
    """
    By the command that it names; here with a systemctl that says what it was asked.
    """
    done = machine.run(str(INSTALL), "--server", "http://127.0.0.1:1", "--offline", str(bundle), "--later")

    assert done.returncode == 0, done.stderr
    assert "The centre was not asked, and nothing was examined." in done.stderr
    identity = machine.root / "var/lib/haidang/credentials.json"
    assert not identity.exists()

    config = machine.root / "etc/haidang/agent.toml"
    config.write_text(config.read_text(encoding="utf-8").replace("http://127.0.0.1:1", centre.url), encoding="utf-8")
    control = machine.root / "usr/local/bin/systemctl"
    control.write_text('#!/bin/sh\necho "systemctl $*"\n', encoding="ascii")
    control.chmod(0o755)
    named = done.stdout.strip().removeprefix("sudo ")
    enrolled = machine.run("sh", "-c", named, feed=centre.token.read_text(encoding="ascii") + "\n")

    assert enrolled.stdout.endswith(f"of unit {UNIT}\nsystemctl restart haidang-agent\n"), enrolled.stderr
    assert identity.stat().st_uid == identity.parent.stat().st_uid != 0

    again = machine.run("/opt/haidang/install.sh", "--offline", str(bundle), "--later")

    assert (again.returncode, again.stdout) == (0, ""), "who is enrolled is not told to enrol"


def test_the_script_comes_by_a_pipe_and_pip_fetches_the_rest(
    machine: Sealed, bundle: Path, centre: Centre, tmp_path: Path
) -> None:
    """
    `curl … | sh -s -- …`: the script is standard input, and an index has the wheels.
    """
    index = unpacked(bundle, tmp_path) / "wheelhouse"
    words = ("--server", centre.url, "--token-file", str(centre.token), "--role", "host")

    done = machine.run(
        "env", "PIP_NO_INDEX=1", f"PIP_FIND_LINKS={index}", "sh", "-s", "--", *words,
        feed=INSTALL.read_text(encoding="utf-8"),
    )  # fmt: skip

    assert "Fetching haidang[router,snmp]" in done.stderr
    assert f"(unit {UNIT})" in done.stderr, done.stderr
    assert "✓ collector" in done.stdout, done.stdout + done.stderr
    assert (machine.root / "opt/haidang/install.sh").read_bytes() == INSTALL.read_bytes()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--ca", "/no/such/ca.pem"), "/no/such/ca.pem cannot be read"),
        (("--token-file", "/no/such/token"), "/no/such/token cannot be read"),
        (("--offline", "/no/such.tar.gz"), "/no/such.tar.gz cannot be read"),
        (("--server", "file:///etc"), "file:///etc is no address"),
    ],
)
def test_what_is_no_file_or_address_is_named(machine: Sealed, words: tuple[str, ...], said: str) -> None:
    done = machine.run(str(INSTALL), "--server", "http://127.0.0.1:1", *words)

    assert done.returncode == BAD_USAGE
    assert said in done.stderr
    assert machine.changes() == set()


def test_a_login_page_is_no_centre(machine: Sealed, tmp_path: Path) -> None:
    (tmp_path / "healthz").write_text("<h1>Log in</h1>", encoding="ascii")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as page:
        Thread(target=page.serve_forever, daemon=True).start()
        done = machine.run(str(INSTALL), "--server", f"http://127.0.0.1:{page.server_port}")
        page.shutdown()

    assert done.returncode == BAD_USAGE
    assert "something answers that is no collector" in done.stderr


def test_a_kept_configuration_of_another_centre_is_told(machine: Sealed) -> None:
    config = machine.root / "etc/haidang/agent.toml"
    config.parent.mkdir()
    config.write_text('[server]\nurl = "https://old.example/"\n', encoding="ascii")

    done = machine.run(str(INSTALL), "--server", "https://new.example")

    assert done.returncode == BAD_USAGE
    assert "names the collector https://old.example, not https://new.example" in done.stderr


def test_a_collectors_machine_is_left_to_the_playbook(machine: Sealed) -> None:
    """
    Its releases are made for the collector too: another in their place would take it away.
    """
    unit = machine.root / "etc/systemd/system/haidang-collector.service"
    unit.touch()

    done = machine.run(str(INSTALL), "--server", "http://127.0.0.1:1")

    assert done.returncode == BAD_USAGE
    assert "ansible-playbook playbooks/agents.yml" in done.stderr
    assert machine.changes() == {"/etc/systemd/system/haidang-collector.service"}


@pytest.mark.parametrize("script", ["install.sh", "uninstall.sh"])
def test_one_at_a_time(machine: Sealed, script: str) -> None:
    command = f"exec 8</opt; flock 8; {INSTALL.with_name(script)} --dry-run"
    (machine.root / "etc/haidang").mkdir()
    (machine.root / "etc/haidang/agent.toml").touch()

    done = machine.run("sh", "-c", command)

    assert done.returncode == BAD_USAGE
    assert "Another installation or removal is running" in done.stderr


def test_a_disk_that_is_read_only_is_told(machine: Sealed) -> None:
    command = f"mount --bind /opt /opt; mount -o remount,ro,bind /opt; {INSTALL} --server http://127.0.0.1:1"

    done = machine.run("unshare", "--mount", "sh", "-euc", command)

    assert done.returncode == BAD_USAGE
    assert "/opt cannot be written to" in done.stderr


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("changed", "damaged or was changed"),
        ("added", "files that SHA256SUMS does not name"),
        ("linked", "things that are no files"),
        ("a pipe", "things that are no files"),
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
        case "linked":
            (folder / "wheelhouse").rename(folder / "elsewhere")
            (folder / "wheelhouse").symlink_to("elsewhere")
        case "a pipe":
            wheel.unlink()
            os.mkfifo(wheel)
        case "taken away":
            wheel.unlink()
        case "no signature":
            (folder / "SHA256SUMS.sig").unlink()

    words = ("--server", centre.url, "--signer", str(keys / f"{signer}.pem"))
    done = machine.run(str(folder / "install.sh"), *words, feed="")

    assert done.returncode == BAD_USAGE, done.stderr
    assert said in done.stderr
    assert machine.changes() == set()
