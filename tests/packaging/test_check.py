"""check.py of Windows' bundle, which decides whether install.ps1 goes on."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import TYPE_CHECKING

import pytest

from scripts.bundle import pack
from tests.collector.running import add_agent, database_url, serving
from tests.packaging.wheelhouse import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CHECK = ROOT / "packaging/windows/check.py"
SUM = "0" * 64


def check(*words: str, lang: str = "en", **environment: str) -> subprocess.CompletedProcess[str]:
    """Without a terminal: what is asked for is read from standard input, which is empty."""
    command = [sys.executable, "-I", "-W", "ignore", str(CHECK), *words]
    given = {"HAIDANG_LANG": lang} | environment
    return subprocess.run(
        command, input="", capture_output=True, text=True, timeout=60, check=False, env=given, start_new_session=True
    )


@pytest.fixture(scope="module")
def centre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("centre")
    add_agent(database_url(folder))
    with serving(folder, DATABASE_URL=database_url(folder)) as served:
        yield served.url


def test_a_fit_machine_is_let_through(centre: str, tmp_path: Path) -> None:
    done = check("machine", str(tmp_path), centre, "-")

    assert (done.returncode, done.stderr) == (0, f"The collector {centre} answers.\n")


@pytest.mark.parametrize(
    ("url", "lang", "said"),
    [
        ("http://127.0.0.1:1", "en", "The collector http://127.0.0.1:1 cannot be reached"),
        ("http://127.0.0.1:1", "vi", "Không tới được bộ thu thập"),
        ("file:///etc/passwd", "en", "file:///etc/passwd is no address"),
    ],
)
def test_what_stands_in_the_way_is_told(tmp_path: Path, url: str, lang: str, said: str) -> None:
    done = check("machine", str(tmp_path), url, "-", lang=lang)

    assert done.returncode == 2
    assert said in done.stderr


def test_a_login_page_is_no_centre(tmp_path: Path) -> None:
    (tmp_path / "healthz").write_text("<h1>Log in</h1>", encoding="ascii")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as page:
        Thread(target=page.serve_forever, daemon=True).start()
        done = check("machine", str(tmp_path), f"http://127.0.0.1:{page.server_port}", "-")
        page.shutdown()

    assert done.returncode == 2
    assert "something answers that is no collector" in done.stderr


@pytest.mark.parametrize("words", [("-", "-"), ("http://127.0.0.1:1", "-", "--later")])
def test_nothing_is_asked_where_no_server_is_named_or_another_day(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = check("machine", str(tmp_path), *words)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Unpacked, with a file of the department's beside it."""
    draft = tmp_path / "draft"
    (draft / "wheelhouse").mkdir(parents=True)
    for name in ("install.ps1", "wheelhouse/haidang-1.0-py3-none-any.whl", "wheelhouse/pip-26-py3-none-any.whl"):
        (draft / name).write_text(name, encoding="ascii")
    pack(draft, tmp_path / "haidang-agent-1.0-windows-amd64.zip", None)
    (draft / "ca.pem").touch()
    return draft


def test_a_whole_bundle_is_let_through(bundle: Path) -> None:
    done = check("bundle", str(bundle))

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("wheelhouse/haidang-1.0-py3-none-any.whl", "other", "damaged or was changed (wheelhouse/haidang-1.0-"),
        ("install.ps1", "other", "damaged or was changed (install.ps1)"),
        ("install.ps1", None, "The bundle lacks a file: install.ps1"),
        ("wheelhouse/haidang-9.9-py3-none-any.whl", "", "SHA256SUMS does not name: wheelhouse/haidang-9.9-"),
        ("SHA256SUMS", None, "The bundle cannot be read"),
        ("SHA256SUMS", "", "SHA256SUMS is damaged"),
        ("SHA256SUMS", "no sum\n", "SHA256SUMS is damaged"),
        ("SHA256SUMS", f"{SUM}  ../secret\n", "SHA256SUMS is damaged"),
        ("SHA256SUMS", f"{SUM}  C:\\secret\n", "SHA256SUMS is damaged"),
        ("SHA256SUMS", "\u00e9", "The bundle cannot be read"),
    ],
)
def test_a_bundle_that_was_tampered_with_is_refused(bundle: Path, file: str, content: str | None, said: str) -> None:
    if content is None:
        (bundle / file).unlink()
    else:
        (bundle / file).write_text(content, encoding="utf-8")

    done = check("bundle", str(bundle))

    assert done.returncode == 2
    assert said in done.stderr


def test_the_name_of_a_wheel_leads_nowhere_else(bundle: Path) -> None:
    ours = bundle / "wheelhouse/haidang-1.0-py3-none-any.whl"
    ours.rename(ours.with_name("haidang-..-py3-none-any.whl"))
    (bundle / "ca.pem").unlink()
    pack(bundle, bundle.parent / "odd.zip", None)

    done = check("bundle", str(bundle))

    assert (done.returncode, done.stderr) == (2, "There is no haidang in the bundle.\n")


ADMINISTRATORS, SYSTEM, AGENT, PUPIL = "S-1-5-32-544", "S-1-5-18", "S-1-5-19", "S-1-5-21-1-2-3-1001"
CENTRE = "https://centre.example:8080"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    folder = tmp_path / "Haidang"
    folder.mkdir()
    (folder / "agent.toml").write_text(f'[server]\nurl = "{CENTRE}/"\n', encoding="utf-8")
    return folder


@pytest.mark.parametrize("url", [CENTRE, f"{CENTRE}/", "-"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_what_an_administrator_put_there_is_gone_on_with(state: Path, url: str, mark: str) -> None:
    """With the mark that Windows' editors put before a text."""
    config = state / "agent.toml"
    config.write_text(mark + config.read_text("utf-8"), encoding="utf-8")

    assert check("state", str(state), url, ADMINISTRATORS, SYSTEM, AGENT).returncode == 0


def test_where_nothing_is_yet_nothing_is_wrong(tmp_path: Path) -> None:
    assert check("state", str(tmp_path / "Haidang"), CENTRE).returncode == 0


@pytest.mark.parametrize("owners", [(PUPIL, PUPIL), (ADMINISTRATORS, PUPIL)])
def test_what_anybody_may_have_put_there_is_refused(state: Path, owners: tuple[str, ...]) -> None:
    done = check("state", str(state), CENTRE, *owners)

    assert (done.returncode, "was not made by an administrator" in done.stderr) == (2, True)


def test_nothing_in_it_may_lead_elsewhere(state: Path) -> None:
    """Rights are set on all that lies there, and would be on what a junction leads to."""
    (state / "frames").symlink_to(state.parent)

    assert check("state", str(state), CENTRE, ADMINISTRATORS).returncode == 2


def test_a_folder_that_leads_elsewhere_is_refused(state: Path) -> None:
    link = state.with_name("link")
    link.symlink_to(state)

    assert check("state", str(link), CENTRE, ADMINISTRATORS).returncode == 2


@pytest.mark.parametrize("content", ['[server]\nurl = "https://evil.example"\n', "[agent]\n", "[server"])
def test_a_token_goes_to_no_other_centre_than_the_one_named(state: Path, content: str) -> None:
    (state / "agent.toml").write_text(content, encoding="utf-8")

    done = check("state", str(state), CENTRE, ADMINISTRATORS, ADMINISTRATORS)

    assert (done.returncode, f"not {CENTRE}" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    "content", [b"T-1.a\n", b"\xef\xbb\xbfT-1.a\r\n", "\ufeffT-1.a\r\n".encode("utf-16-le"), b"  T-1.a  "]
)
def test_a_token_is_read_as_windows_editors_leave_it(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "token.txt").write_bytes(content)

    done = check("token", str(tmp_path), str(tmp_path / "token.txt"), HAIDANG_TOKEN="another")

    assert (done.returncode, done.stdout, done.stderr) == (0, "T-1.a\n", "")


def test_without_a_file_the_token_is_the_environments(tmp_path: Path) -> None:
    assert check("token", str(tmp_path), "-", HAIDANG_TOKEN="T-1").stdout == "T-1\n"
    assert check("token", str(tmp_path), "-", "--dry-run").stdout == "-\n"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "token.txt cannot be read (No such file or directory).\n"),
        (b"", "The token is missing."),
        (b"secret secret", "That is no token"),
        (b"secret\xff", "token.txt holds no token.\n"),
    ],
)
def test_what_is_no_token_is_told_and_not_shown(tmp_path: Path, content: bytes | None, said: str) -> None:
    if content is not None:
        (tmp_path / "token.txt").write_bytes(content)

    done = check("token", str(tmp_path), str(tmp_path / "token.txt"))

    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "secret" not in done.stderr


def test_who_types_nothing_is_refused(tmp_path: Path) -> None:
    done = check("token", str(tmp_path), "-")

    assert done.returncode == 2
    assert "The token is missing. Your district or department issues it." in done.stderr


def test_no_token_is_wanted_where_the_machine_is_enrolled_or_another_day(tmp_path: Path) -> None:
    later = check("token", str(tmp_path), "-", "--later")
    (tmp_path / "credentials.json").touch()
    enrolled = check("token", str(tmp_path), "-", HAIDANG_TOKEN="T-1")

    assert [(done.returncode, done.stdout, done.stderr) for done in (later, enrolled)] == [(0, "", "")] * 2
