"""A whole Debian 12 to try installations on: debootstrap once, then booted by systemd-nspawn as often as wanted.

    with VirtualSchool(pcs=2) as school, Debian("pc1", school.pc(1), school.folder) as machine:
        machine.run("systemctl", "is-system-running")
        machine.write("/root/token", token, mode=0o600)
        machine.traces()                                  # what differs from the machine as it was first booted

The system below is shared and never written to: what a machine changes lies in an overlay of its own and goes with it.
Nothing of the machine that this runs on is touched but CACHE. Needs root and the Debian packages debootstrap,
systemd-container and dpkg-dev; the first use needs a Debian mirror, and takes minutes. There is no mirror in the
virtual school, so the packages in OFFERED are in a repository of the machine's own, and apt finds them there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import stat
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tests.lab.node import Node

CACHE = Path("/var/cache/haidang-drill")
MIRROR = "http://deb.debian.org/debian"
SUITE = "bookworm"
INSTALLED = (
    "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "sudo", "procps", "iproute2", "iputils-ping",
    "ca-certificates", "openssl", "curl", "python3",
)  # fmt: skip
"""As on a PC or server that somebody installed: systemd, SSH, Python, and nothing of ours."""
OFFERED = (
    "python3-venv", "python3-apt", "python3-debian", "acl", "prometheus", "prometheus-alertmanager", "victoria-metrics",
    "cups-daemon", "libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-dejavu-core",
)  # fmt: skip
"""What an installation may ask apt for; with all that these need."""
REPOSITORY = "/srv/debian"
BOOT_SECONDS = 120.0
STOP_SECONDS = 60.0
HIERARCHIES = ("systemd", "unified", "")
"""Where cgroups may be mounted below /sys/fs/cgroup: cgroup v1 beside v2, or v2 alone."""
PRIVATELY = ("unshare", "--mount", "--propagation", "private")
"""What is mounted is nobody else's, and gone with the last process."""
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DrillError(Exception):
    """The machine cannot be made, or does not start; the text says what was tried and what came."""


def base() -> Path:
    """The system that every machine starts from; made where none has these packages yet. Raises DrillError."""
    wanted = "\n".join((*INSTALLED, *OFFERED)).encode()
    ready = CACHE / f"{SUITE}-{hashlib.sha256(wanted).hexdigest()[:8]}"
    if ready.is_dir():
        return ready
    CACHE.mkdir(parents=True, exist_ok=True)
    draft = CACHE / f"{SUITE}.{os.getpid()}"
    try:
        included = f"--include={','.join(INSTALLED)}"
        _call(*PRIVATELY, "debootstrap", "--variant=minbase", included, SUITE, str(draft), MIRROR)
        _offer(draft)
        for name in ("etc/machine-id", "etc/hostname"):
            (draft / name).write_text("", encoding="ascii")
        draft.replace(ready)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return ready


def _offer(root: Path) -> None:
    """A repository in the machine, in the place of the mirror."""
    inside = (*PRIVATELY, "chroot", str(root), "env", "DEBIAN_FRONTEND=noninteractive")
    _call(*inside, "apt-get", "install", "-y", "-q", "--download-only", "--no-install-recommends", *OFFERED)
    folder = root / REPOSITORY.lstrip("/")
    folder.mkdir(parents=True)
    for package in (root / "var/cache/apt/archives").glob("*.deb"):
        package.rename(folder / package.name)
    index = _call("dpkg-scanpackages", "--multiversion", ".", cwd=folder)
    (folder / "Packages").write_text(index, encoding="utf-8")
    (root / "etc/apt/sources.list").write_text(f"deb [trusted=yes] file:{REPOSITORY} ./\n", encoding="ascii")
    shutil.rmtree(root / "var/lib/apt/lists")
    _call(*inside, "apt-get", "update", "-q")


class Debian:
    """One machine, in the network of `node`. `folder` takes what it writes; see `traces`."""

    def __init__(self, name: str, node: Node, folder: Path) -> None:
        self.name = name
        self.node = node
        self._folder = folder / f"debian-{name}"
        self._leader = 0
        self._first: dict[str, str] = {}

    @property
    def root(self) -> Path:
        """The machine's `/` as seen from here."""
        return Path(f"/proc/{self._leader}/root")

    @property
    def console(self) -> Path:
        """What systemd said while it started."""
        return self._folder / "console.log"

    def __enter__(self) -> Self:
        lower = base()
        for name in ("upper", "work", "root"):
            (self._folder / name).mkdir(parents=True)
        self._cgroups = _make_cgroups(f"haidang-{self.node.name}-{self.name}")
        with self.console.open("wb") as log:
            self._nspawn = subprocess.Popen(
                [*PRIVATELY, "sh", "-euc", self._script(lower)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            self._leader = self._wait_for_leader()
            self._wait_for_boot()
            self.remember()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def run(
        self, *command: str, check: bool = True, timeout: float = 300, user: str = "root", feed: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run to the end inside the machine; `feed` is its standard input. Raises DrillError where checked."""
        login = [] if user == "root" else ["runuser", "-u", user, "--"]
        done = subprocess.run(
            [*self._inside(), *login, *command],
            input=feed,
            stdin=subprocess.DEVNULL if feed is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout,
        )
        if check and done.returncode:
            raise DrillError(
                f"{self.name}: {' '.join(command)} ended with {done.returncode}\n{done.stdout}{done.stderr}"
            )
        return done

    def write(self, path: str, content: str | bytes, *, mode: int = 0o644) -> None:
        """A file of root's; its folder is made where it is missing."""
        target = self.root / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        target.chmod(mode)

    def copy(self, source: Path, folder: str) -> str:
        """A file or a folder from here into a folder of the machine; its path there."""
        target = self.root / folder.lstrip("/") / source.name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, dirs_exist_ok=True)
        else:
            shutil.copy2(source, target)
        return f"{folder.rstrip('/')}/{source.name}"

    def remember(self) -> None:
        """What is there now is what `traces` compares with."""
        self._first = self._state()

    def traces(self, ignore: Sequence[str] = ()) -> list[str]:
        """Paths that were not there, or not so, after the first boot, or when `remember` was called last.

        Begins with `+` for new, `~` for changed, `-` for gone. `ignore` are beginnings of paths; logs, caches, what
        Python compiled, and what systemd and dpkg note of themselves are always left out.
        """
        now, first = self._state(), self._first
        told = [f"+ {path}" for path in now if path not in first]
        told += [f"~ {path}" for path, what in now.items() if first.get(path, what) != what]
        told += [f"- {path}" for path in first if path not in now]
        leave = (*NOTES, *ignore)
        return sorted(line for line in told if not line[2:].startswith(leave) and "/__pycache__" not in line)

    def _script(self, lower: Path) -> str:
        join = "".join(f"echo $$ > {folder}/cgroup.procs\n" for folder in self._cgroups)
        merged = self._folder / "root"
        return (
            f"{join}mount -t overlay overlay -o lowerdir={lower},upperdir={self._folder / 'upper'},"
            f"workdir={self._folder / 'work'} {merged}\n"
            f"exec systemd-nspawn --quiet --register=no --keep-unit --boot --directory={merged} --machine={self.name} "
            f"--network-namespace-path=/run/netns/{self.node.name} --resolv-conf=off --timezone=off "
            "--capability=CAP_NET_ADMIN --console=read-only --link-journal=no\n"
        )

    def _inside(self) -> list[str]:
        spaces = ("--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd=/")
        clean = ("env", "-i", f"PATH={PATH}", "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
        return ["nsenter", f"--target={self._leader}", *spaces, *clean]

    def _wait_for_leader(self) -> int:
        """The machine's process 1, which is a child of systemd-nspawn (it is made the reaper of what it starts)."""
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children")
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            for child in children.read_text(encoding="ascii").split():
                if _number_inside(child) == "1":
                    return int(child)
            time.sleep(0.05)
        raise DrillError(f"{self.name} did not start:\n{self._said()}")

    def _wait_for_boot(self) -> None:
        deadline = time.monotonic() + BOOT_SECONDS
        while time.monotonic() < deadline and self._nspawn.poll() is None:
            state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
            if state in ("running", "degraded"):
                return
            time.sleep(0.2)
        raise DrillError(f"{self.name} did not finish starting within {BOOT_SECONDS:.0f} s:\n{self._said()}")

    def _said(self) -> str:
        return self.console.read_text(encoding="utf-8", errors="replace")[-4000:]

    def _stop(self) -> None:
        """An orderly shutdown, as SIGTERM asks systemd-nspawn for; where that takes too long, the power goes."""
        if self._nspawn.poll() is None:
            self._nspawn.send_signal(signal.SIGTERM)
        try:
            self._nspawn.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            if self._leader:
                os.kill(self._leader, signal.SIGKILL)
            self._nspawn.kill()
            self._nspawn.wait()
        for folder in self._cgroups:
            _remove_cgroups(folder)
        shutil.rmtree(self._folder, ignore_errors=True)

    def _state(self) -> dict[str, str]:
        """Path to what is there, of everything that an installation may leave."""
        found = {}
        for top in ("etc", "opt", "srv", "usr", "var", "root", "home"):
            for folder, folders, files in os.walk(self.root / top):
                for name in (*folders, *files):
                    path = Path(folder, name)
                    found["/" + str(path.relative_to(self.root))] = _what(path, by_content=top == "etc")
        return found


NOTES = (
    "/var/log/", "/var/cache/", "/var/lib/systemd/", "/var/lib/apt/", "/var/lib/dpkg/", "/var/lib/ucf",
    "/root/.ansible", "/etc/.pwd.lock", "/etc/ld.so.cache",
    "/etc/passwd-", "/etc/group-", "/etc/shadow-", "/etc/gshadow-", "/etc/subuid-", "/etc/subgid-",
)  # fmt: skip


def _what(path: Path, *, by_content: bool) -> str:
    """/etc/passwd, after a user came and went, is the same by its content only."""
    status = path.lstat()
    if stat.S_ISLNK(status.st_mode):
        return f"link {path.readlink()}"
    if stat.S_ISDIR(status.st_mode):
        return "folder"
    last = hashlib.sha256(path.read_bytes()).hexdigest() if by_content and status.st_size else status.st_mtime_ns
    return f"file {status.st_mode:o} {status.st_uid}:{status.st_gid} {status.st_size} {last}"


def _number_inside(process: str) -> str:
    """Its process id as it is called in its own namespace; field NSpid of proc(5)'s status."""
    try:
        lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    numbers = next((line.split()[1:] for line in lines if line.startswith("NSpid:")), [])
    return numbers[-1] if len(numbers) > 1 else ""


def _make_cgroups(name: str) -> list[Path]:
    """systemd-nspawn makes its groups below the one that it is started in, so each machine has one."""
    made = []
    for hierarchy in HIERARCHIES:
        top = Path("/sys/fs/cgroup", hierarchy)
        if (top / "cgroup.procs").exists():
            (top / name).mkdir(exist_ok=True)
            made.append(top / name)
    return made


def _remove_cgroups(folder: Path) -> None:
    """From the innermost; a group is a folder that rmdir(2) takes once no process is in it."""
    for inner, _, _ in os.walk(folder, topdown=False):
        Path(inner).rmdir()


def _call(*command: str, cwd: Path | None = None) -> str:
    try:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise DrillError(
            f"{command[0]} is not there; on Debian: apt-get install debootstrap systemd-container dpkg-dev"
        ) from None
    if done.returncode:
        raise DrillError(f"{' '.join(command)}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout
