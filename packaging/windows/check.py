"""What install.ps1 asks before it changes anything; the rules are here, for Python is what can be tried anywhere.

    python check.py bundle FOLDER                          is the unpacked bundle what SHA256SUMS says, and no more?
    python check.py machine FOLDER URL CA [--later]        is Python fit, is there room, does the centre answer?
    python check.py state STATE URL [OWNER ...]            may what lies in ProgramData be gone on with?
    python check.py token STATE FILE [--later] [--dry-run] prints the token, or nothing where none is wanted

"-" stands for none in URL, CA and FILE: Windows PowerShell drops an argument that is empty. `--later`: the centre is
not asked, and no token is wanted. The token is FILE's, else HAIDANG_TOKEN, else asked for; none is wanted where the
machine is enrolled. `--dry-run`: nobody is asked, and "-" is printed for what would be typed. OWNER: the SIDs of whom
STATE and all that lies in it belong to.
Words are in the language of HAIDANG_LANG. Exit status: 0 fit, 2 not; what is wrong and what to do stands on stderr.
Runs before anything is installed, with what Python itself brings.
"""

from __future__ import annotations

import argparse
import codecs
import getpass
import hashlib
import os
import re
import shutil
import ssl
import stat
import sys
import time
import tomllib
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path

LEAST_MB = 400
CLOCK_SECONDS = 300
CONNECT_SECONDS = 10
ALIVE = b"ok\n"
SUMS = "SHA256SUMS"
SUMMED = re.compile(r"([0-9a-f]{64})  ((?:wheelhouse/)?(?!\.)[^/\\:*]+)")
"""A line of it: a file beside the sums or beside the wheels, and nowhere else."""
OURS = re.compile(r"wheelhouse/haidang-[0-9][0-9A-Za-z.+!]*-py3-none-any\.whl")
"""Its version becomes the name of a folder."""
TOKEN_BYTES = 1000
"""Read of a token's file; a token has fewer than a hundred."""
TRUSTED_OWNERS = frozenset({"S-1-5-18", "S-1-5-19", "S-1-5-32-544"})
"""The system, LOCAL SERVICE (the agent) and the administrators (Microsoft, "Well-known SIDs")."""
MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16"}
"""Which Windows' editors and PowerShell's `>` put before a text."""
VIETNAMESE = os.environ.get("HAIDANG_LANG", "").startswith("vi")


class UnfitError(Exception):
    """What is wrong and what to do, in Vietnamese and in English."""

    def __init__(self, vietnamese: str, english: str) -> None:
        super().__init__(vietnamese if VIETNAMESE else english)


def main() -> int:
    options = _parser().parse_args()
    try:
        if options.action == "bundle":
            check_bundle(options.folder)
        elif options.action == "machine":
            check_machine(options.folder)
            check_centre(options.url, options.ca, asked=not options.later)
        elif options.action == "state":
            check_state(options.state, options.url, options.owner)
        elif not options.later and (token := read_token(options.state, options.file, dry=options.dry_run)):
            sys.stdout.write(f"{token}\n")
    except UnfitError as unfit:
        sys.stderr.write(f"{unfit}\n")
        return 2
    return 0


def check_bundle(folder: Path) -> None:
    """A file that is not summed does no harm beside the wheels, as ca.pem; among them pip would take it."""
    try:
        lines = (folder / SUMS).read_text(encoding="ascii").splitlines()
        summed = {line[2]: line[1] for line in map(SUMMED.fullmatch, lines) if line}
        if not lines or len(summed) < len(lines):
            raise UnfitError(f"{SUMS} bị hỏng: hãy chép lại.", f"{SUMS} is damaged: copy the bundle again.")
        for name, digest in summed.items():
            _check_file(folder / name, name, digest)
        there = sorted(f"wheelhouse/{path.name}" for path in (folder / "wheelhouse").iterdir())
    except (OSError, UnicodeDecodeError) as failed:
        raise UnfitError(
            f"Gói cài đặt không đọc được ({failed}): hãy giải nén lại, trọn gói.",
            f"The bundle cannot be read ({failed}): unpack it again, all of it.",
        ) from None
    if sum(OURS.fullmatch(name) is not None for name in summed) != 1:
        raise UnfitError("Trong gói cài đặt không có haidang.", "There is no haidang in the bundle.")
    for name in there:
        if name not in summed:
            raise UnfitError(
                f"Gói cài đặt có tệp lạ: {name}", f"The bundle has a file that SHA256SUMS does not name: {name}"
            )


def _check_file(file: Path, name: str, digest: str) -> None:
    if not file.is_file():
        raise UnfitError(f"Gói cài đặt thiếu tệp: {name}", f"The bundle lacks a file: {name}")
    with file.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != digest:
        raise UnfitError(
            f"Gói cài đặt bị hỏng hoặc bị sửa ({name}): hãy chép lại.",
            f"The bundle is damaged or was changed ({name}): copy it again.",
        )


def check_machine(folder: Path) -> None:
    if sys.version_info < (3, 11) or sys.maxsize < 1 << 32:
        raise UnfitError("Cần Python 3.11 trở lên, bản 64 bit.", "Python 3.11 or newer is needed, of 64 bit.")
    free = shutil.disk_usage(folder).free >> 20
    if free < LEAST_MB:
        raise UnfitError(
            f"{folder} còn trống {free} MB, cần {LEAST_MB} MB: hãy giải phóng dung lượng.",
            f"{folder} has {free} MB free, {LEAST_MB} MB are needed: free some space.",
        )


def check_centre(url: str, authority: str, *, asked: bool) -> None:
    if not url:
        return
    if not url.startswith(("https://", "http://")):
        raise UnfitError(f"{url} không phải là địa chỉ: viết https://…", f"{url} is no address: write https://…")
    if not asked:
        return
    try:
        trust = ssl.create_default_context(cafile=authority or None)
        request = urllib.request.Request(f"{url.rstrip('/')}/healthz")  # noqa: S310 - looked at above
        with urllib.request.urlopen(request, timeout=CONNECT_SECONDS, context=trust) as answer:  # noqa: S310 - the same
            if answer.read(len(ALIVE) + 1) != ALIVE:
                raise ValueError("something answers that is no collector")
            off = round(time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp())
    except (OSError, ValueError, TypeError) as failed:
        vietnamese = "→ Xem lại mạng, trang đăng nhập Wi-Fi, tường lửa, địa chỉ, đồng hồ của máy này và -Ca."
        english = "→ Look at the network, its login page, the firewall, the address, this clock and -Ca."
        raise UnfitError(
            f"Không tới được bộ thu thập {url}: {failed}.\n{vietnamese}",
            f"The collector {url} cannot be reached: {failed}.\n{english}",
        ) from None
    _say(f"Bộ thu thập {url} trả lời.", f"The collector {url} answers.")
    if abs(off) > CLOCK_SECONDS:
        _say(
            f"Lưu ý: đồng hồ của máy này lệch {off} giây. Số liệu vẫn mang giờ của trung tâm; hãy chỉnh đồng hồ.",
            f"Note: this machine's clock is off by {off} seconds. Data carry the centre's; set it all the same.",
        )


def check_state(state: Path, url: str, owners: list[str]) -> None:
    """Anybody may make a folder in ProgramData, and with it say whom the token is sent to."""
    if not TRUSTED_OWNERS.issuperset(owners) or any(map(_leads_elsewhere, (state, *state.glob("*")))):
        raise UnfitError(
            f"{state} không phải do quản trị viên tạo: hãy xem ai đã tạo, xóa đi rồi chạy lại.",
            f"{state} was not made by an administrator: see whose it is, delete it, and run this again.",
        )
    config = state / "agent.toml"
    if not url or not config.exists():
        return
    try:
        kept = str(tomllib.loads(config.read_text("utf-8-sig"))["server"]["url"]).rstrip("/")
    except (OSError, KeyError, TypeError, ValueError) as fault:
        kept = f"? ({fault})"
    if kept != url.rstrip("/"):
        raise UnfitError(
            f"{config} đã có, ghi bộ thu thập {kept} chứ không phải {url}: hãy sửa tệp đó, hoặc xóa đi rồi chạy lại.",
            f"{config} is there already and names the collector {kept}, not {url}: mend that file, or delete it, "
            "and run this again.",
        )


def _leads_elsewhere(folder: Path) -> bool:
    """A junction or a link."""
    if not os.path.lexists(folder):
        return False
    attributes = getattr(folder.lstat(), "st_file_attributes", 0)
    return folder.is_symlink() or bool(attributes & stat.FILE_ATTRIBUTE_REPARSE_POINT)


def read_token(state: Path, file: str, *, dry: bool) -> str:
    """Empty where this machine is enrolled."""
    if (state / "credentials.json").exists():
        return ""
    if file:
        token = _token_of(file)
    elif not (token := os.environ.get("HAIDANG_TOKEN", "").strip()):
        token = "-" if dry else _typed()
    if not token:
        raise UnfitError(
            "Thiếu mã ghi danh. Xin mã ở Phòng GD&ĐT hoặc Sở.",
            "The token is missing. Your district or department issues it.",
        )
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise UnfitError("Đây không phải là mã ghi danh: hãy chép lại.", "That is no token: copy it again.")
    return token


def _token_of(file: str) -> str:
    try:
        with Path(file).open("rb") as opened:
            content = opened.read(TOKEN_BYTES)
        encoding = next((name for mark, name in MARKS.items() if content.startswith(mark)), "ascii")
        return content.decode(encoding).strip()
    except OSError as failed:
        why = failed.strerror
        raise UnfitError(f"Không đọc được {file} ({why}).", f"{file} cannot be read ({why}).") from None
    except UnicodeDecodeError:
        raise UnfitError(f"{file} không chứa mã ghi danh.", f"{file} holds no token.") from None


def _typed() -> str:
    try:
        return getpass.getpass("Mã ghi danh của đơn vị: " if VIETNAMESE else "The unit's token: ", sys.stderr).strip()
    except EOFError:
        return ""


def _say(vietnamese: str, english: str) -> None:
    sys.stderr.write(f"{vietnamese if VIETNAMESE else english}\n")


def _parser() -> argparse.ArgumentParser:
    def text(word: str) -> str:
        return "" if word == "-" else word

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("bundle").add_argument("folder", type=Path, metavar="FOLDER")
    machine, state, token = (actions.add_parser(name) for name in ("machine", "state", "token"))
    machine.add_argument("folder", type=Path, metavar="FOLDER")
    machine.add_argument("url", type=text, metavar="URL")
    machine.add_argument("ca", type=text, metavar="CA")
    state.add_argument("state", type=Path, metavar="STATE")
    state.add_argument("url", type=text, metavar="URL")
    state.add_argument("owner", nargs="*", metavar="OWNER")
    token.add_argument("state", type=Path, metavar="STATE")
    token.add_argument("file", type=text, metavar="FILE")
    token.add_argument("--dry-run", action="store_true")
    for action in (machine, token):
        action.add_argument("--later", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main())
