"""What install.ps1 asks before it changes anything: whether Python is fit, there is room, and the centre answers.

    python check.py FOLDER URL CA          (URL and CA may be "-": not asked)

Words are in the language of HAIDANG_LANG. Exit status: 0 fit, 2 not; what is wrong and what to do stands on stderr.
Runs before anything is installed, with what Python itself brings.
"""

from __future__ import annotations

import os
import shutil
import ssl
import sys
import time
import urllib.request
from email.utils import parsedate_to_datetime
from pathlib import Path

LEAST_MB = 400
CLOCK_SECONDS = 300
CONNECT_SECONDS = 10
ALIVE = b"ok\n"
VIETNAMESE = os.environ.get("HAIDANG_LANG", "").startswith("vi")


def main() -> int:
    folder, url, authority = sys.argv[1:]
    faults = [*_machine(Path(folder)), *([] if url == "-" else _centre(url, "" if authority == "-" else authority))]
    for fault in faults:
        _say(*fault)
    return 2 if faults else 0


def _machine(folder: Path) -> list[tuple[str, str]]:
    faults = []
    if sys.version_info < (3, 11) or sys.maxsize < 1 << 32:
        faults.append(("Cần Python 3.11 trở lên, bản 64 bit.", "Python 3.11 or newer is needed, of 64 bit."))
    free = shutil.disk_usage(folder).free >> 20
    if free < LEAST_MB:
        faults.append(
            (
                f"{folder} còn trống {free} MB, cần {LEAST_MB} MB: hãy giải phóng dung lượng.",
                f"{folder} has {free} MB free, {LEAST_MB} MB are needed: free some space.",
            )
        )
    return faults


def _centre(url: str, authority: str) -> list[tuple[str, str]]:
    if not url.startswith(("https://", "http://")):
        return [(f"{url} không phải là địa chỉ: viết https://…", f"{url} is no address: write https://…")]
    try:
        trust = ssl.create_default_context(cafile=authority or None)
        asked = urllib.request.Request(f"{url.rstrip('/')}/healthz")  # noqa: S310 - looked at above
        with urllib.request.urlopen(asked, timeout=CONNECT_SECONDS, context=trust) as answer:  # noqa: S310 - the same
            if answer.read(len(ALIVE) + 1) != ALIVE:
                raise ValueError("something answers that is no collector")
            off = round(time.time() - parsedate_to_datetime(answer.headers["Date"]).timestamp())
    except (OSError, ValueError, TypeError) as failed:
        vietnamese = "→ Xem lại mạng, trang đăng nhập Wi-Fi, tường lửa, địa chỉ, đồng hồ của máy này và -Ca."
        english = "→ Look at the network, its login page, the firewall, the address, this clock and -Ca."
        return [
            (
                f"Không tới được bộ thu thập {url}: {failed}.\n{vietnamese}",
                f"The collector {url} cannot be reached: {failed}.\n{english}",
            )
        ]
    _say(f"Bộ thu thập {url} trả lời.", f"The collector {url} answers.")
    if abs(off) > CLOCK_SECONDS:
        _say(
            f"Lưu ý: đồng hồ của máy này lệch {off} giây. Số liệu vẫn mang giờ của trung tâm; hãy chỉnh đồng hồ.",
            f"Note: this machine's clock is off by {off} seconds. Data carry the centre's; set it all the same.",
        )
    return []


def _say(vietnamese: str, english: str) -> None:
    sys.stderr.write(f"{vietnamese if VIETNAMESE else english}\n")


if __name__ == "__main__":
    sys.exit(main())
