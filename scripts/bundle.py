"""One archive to install from without Internet: wheels, installer, SHA256SUMS, signature.

    python scripts/bundle.py linux-x86_64 --key signing.key
    python scripts/bundle.py linux-x86_64 --program collector

The wheels are those of requirements.lock, checked by their hashes there. The signature is RSA (PKCS #1 v1.5) with
SHA-256 over SHA256SUMS: of the kinds there are, that one is checked by both openssl and Windows' own .NET, so that a
school's PC needs nothing more. See docs/install.md.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCK = ROOT / "requirements.lock"
PYTHONS = ("3.11", "3.12", "3.13")
EXTRAS = {"agent": ("router", "snmp"), "collector": ("collector", "pdf", "postgres")}
SUMS = "SHA256SUMS"
EPOCH = 315532800
"""1980, the first second that a zip can tell: the same wheels make the same archive."""


class BundleError(Exception):
    """A step failed; the text says which, and what the tool said."""


@dataclass(frozen=True, slots=True)
class Platform:
    """`uv` is what uv calls it; `tags` are pip's, as in the names of wheels; `ending` is the archive's."""

    uv: str
    tags: tuple[str, ...]
    installer: tuple[str, ...] = ("linux/install.sh",)
    ending: str = ".tar.gz"


PLATFORMS = {
    "linux-x86_64": Platform(
        "x86_64-manylinux_2_28", ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")
    ),
    "linux-aarch64": Platform(
        "aarch64-manylinux_2_28", ("manylinux_2_28_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
    ),
    "windows-amd64": Platform(
        "x86_64-pc-windows-msvc", ("win_amd64",), ("windows/install.ps1", "windows/check.py"), ".zip"
    ),
}


def main() -> None:
    options = _parser().parse_args()
    try:
        archive = bundle(options.platform, options.program, options.out, options.key)
    except BundleError as failed:
        print(f"bundle: {failed}", file=sys.stderr)
        raise SystemExit(1) from None
    print(archive)


def bundle(name: str, program: str, out: Path, key: Path | None) -> Path:
    """Build the archive for one platform; returns its path. Raises BundleError."""
    platform = PLATFORMS[name]
    with tempfile.TemporaryDirectory() as work:
        draft = Path(work, "draft")
        wheelhouse = draft / "wheelhouse"
        wheelhouse.mkdir(parents=True)
        _say("building the wheel")
        _call("-m", "build", "--wheel", "--no-isolation", "--outdir", str(wheelhouse), str(ROOT))
        for python in PYTHONS:
            _say(f"fetching the wheels for Python {python}")
            _fetch(platform, python, program, wheelhouse)
        if program == "agent":
            for file in platform.installer:
                shutil.copy2(ROOT / "packaging" / file, draft)
        return pack(draft, out / f"{_title(wheelhouse, program, name)}{platform.ending}", key)


def pack(draft: Path, archive: Path, key: Path | None) -> Path:
    """Sum, sign and archive a folder; in the archive it has the archive's name. Raises BundleError."""
    (draft / SUMS).write_text(sums(draft), encoding="ascii", newline="\n")
    if key is None:
        _say("no --key: the bundle is not signed")
    else:
        _say(f"signing with {key}")
        _sign(draft / SUMS, key)
    archive.parent.mkdir(parents=True, exist_ok=True)
    top = archive.name.removesuffix(".zip").removesuffix(".tar.gz")
    if archive.suffix == ".zip":
        _zip(draft, archive, top)
    else:
        _tar(draft, archive, top)
    _say(f"{archive.stat().st_size / 1e6:.1f} MB")
    return archive


def sums(draft: Path) -> str:
    """Lines for `sha256sum --check`, of every file but the sums themselves."""
    files = [path for path in _files(draft) if not path.name.startswith(SUMS)]
    return "".join(
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(draft).as_posix()}\n" for path in files
    )


def _fetch(platform: Platform, python: str, program: str, wheelhouse: Path) -> None:
    """Uv says what the other machine needs, for pip reads the markers of the one that it runs on."""
    with tempfile.TemporaryDirectory() as work:
        wanted = Path(work, "requirements.txt")
        extras = [word for extra in EXTRAS[program] for word in ("--extra", extra)]
        _call(
            "-m", "uv", "pip", "compile", "--quiet", "pyproject.toml", "-", *extras, "--constraint", str(LOCK),
            "--generate-hashes", "--python-platform", platform.uv, "--python-version", python, "--no-header",
            "--no-annotate", "--only-binary", ":all:", "--no-emit-index-url", "--no-emit-find-links", "--output-file",
            str(wanted), feed="pip\n",
        )  # fmt: skip
        tags = [word for tag in platform.tags for word in ("--platform", tag)]
        _call(
            "-m", "pip", "--quiet", "--disable-pip-version-check", "download", "--no-deps", "--require-hashes",
            "--only-binary", ":all:", "--implementation", "cp", "--python-version", python, *tags, "--dest",
            str(wheelhouse), "--requirement", str(wanted),
        )  # fmt: skip


def _title(wheelhouse: Path, program: str, platform: str) -> str:
    wheel = next(wheelhouse.glob("haidang-*.whl"))
    return f"haidang-{program}-{wheel.name.split('-')[1]}-{platform}"


def _sign(file: Path, key: Path) -> None:
    """Raises BundleError; a key with a password asks on the terminal."""
    signed = file.with_name(f"{file.name}.sig")
    _run(["openssl", "dgst", "-sha256", "-sign", str(key), "-out", str(signed), str(file)])


def _files(draft: Path) -> list[Path]:
    return sorted(path for path in draft.rglob("*") if path.is_file())


def _mode(path: Path) -> int:
    return 0o755 if path.suffix == ".sh" else 0o644


def _tar(draft: Path, archive: Path, top: str) -> None:
    def plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
        entry.uid = entry.gid = 0
        entry.uname = entry.gname = "root"
        entry.mtime, entry.mode = EPOCH, _mode(Path(entry.name))
        return entry

    with (
        archive.open("wb") as file,
        gzip.GzipFile("", "wb", fileobj=file, mtime=EPOCH) as packing,
        tarfile.open(fileobj=packing, mode="w") as packed,
    ):
        for path in _files(draft):
            packed.add(path, f"{top}/{path.relative_to(draft).as_posix()}", filter=plain)


def _zip(draft: Path, archive: Path, top: str) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as packed:  # wheels are compressed already
        for path in _files(draft):
            entry = zipfile.ZipInfo(f"{top}/{path.relative_to(draft).as_posix()}")
            entry.external_attr = _mode(path) << 16
            packed.writestr(entry, path.read_bytes())


def _call(*words: str, feed: str | None = None) -> None:
    _run([sys.executable, *words], feed)


def _run(command: list[str], feed: str | None = None) -> None:
    try:
        done = subprocess.run(command, cwd=ROOT, input=feed, stdout=subprocess.PIPE, text=True, check=False)
    except FileNotFoundError:
        raise BundleError(f"{command[0]} is not there") from None
    if done.returncode:
        raise BundleError(f"{' '.join(command)} ended with {done.returncode}\n{done.stdout[-2000:]}")


def _say(text: str) -> None:
    print(f"bundle: {text}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("platform", choices=PLATFORMS)
    parser.add_argument("--program", choices=EXTRAS, default="agent", help="what to install by it (default: agent)")
    parser.add_argument("--key", type=Path, metavar="FILE", help="RSA key to sign with, PEM")
    parser.add_argument("--out", type=Path, metavar="DIR", default=ROOT / "dist", help="where to (default: dist)")
    return parser


if __name__ == "__main__":
    main()
