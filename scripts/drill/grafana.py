"""A package that is called grafana and is not Grafana, in a signed repository: for the role, without Internet.

It has the places, the user and the unit that the real one has; what it starts says which files and settings it got.
"""

from __future__ import annotations

import hashlib
import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

CONTROL = """Package: grafana
Version: 0.0.1+standin
Architecture: all
Depends: adduser, python3
Maintainer: nobody <nobody@example.org>
Description: stand-in for Grafana in a drill
"""
POSTINST = """#!/bin/sh
set -e
[ "$1" = configure ] || exit 0
adduser --system --group --quiet --home /usr/share/grafana --no-create-home grafana
install -d -o grafana -g grafana /var/lib/grafana /var/log/grafana
"""
UNIT = """[Unit]
Description=Stand-in for Grafana

[Service]
User=grafana
Group=grafana
ExecStart=/usr/bin/python3 /usr/share/grafana/standin.py

[Install]
WantedBy=multi-user.target
"""
PROGRAM = '''"""Answers every request with the files that it was given, and whether with a password."""
import json, os
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        top = os.environ["GF_PATHS_PROVISIONING"]
        files = [os.path.join(folder, name) for folder, _, names in os.walk(top) for name in names]
        readable = sorted(os.path.relpath(file, top) for file in files if os.access(file, os.R_OK))
        told = json.dumps({"files": readable, "password": bool(os.environ.get("GF_SECURITY_ADMIN_PASSWORD"))})
        self.send_response(200)
        self.end_headers()
        self.wfile.write(told.encode())

place = os.environ["GF_SERVER_HTTP_ADDR"], int(os.environ["GF_SERVER_HTTP_PORT"])
HTTPServer(place, Handler).serve_forever()
'''


def repository(folder: Path) -> Path:
    """In `folder`, which must not be there: suite `stable`, component `main`, and `key.asc` to check it by."""
    pool, index = folder / "pool", folder / "dists/stable/main/binary-amd64"
    pool.mkdir(parents=True)
    index.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        package = Path(work, "grafana")
        _lay_out(package)
        _call("dpkg-deb", "--root-owner-group", "--build", str(package), str(pool))
    (index / "Packages").write_text(_call("dpkg-scanpackages", "pool", cwd=folder), encoding="utf-8")
    content = (index / "Packages").read_bytes()
    (folder / "dists/stable/Release").write_text(
        "Suite: stable\nCodename: stable\nComponents: main\nArchitectures: amd64\n"
        f"Date: {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} UTC\n"
        f"SHA256:\n {hashlib.sha256(content).hexdigest()} {len(content)} main/binary-amd64/Packages\n",
        encoding="ascii",
    )
    _sign(folder)
    return folder


def _lay_out(package: Path) -> None:
    for name, content, mode in (
        ("DEBIAN/control", CONTROL, 0o644),
        ("DEBIAN/conffiles", "/etc/grafana/grafana.ini\n", 0o644),
        ("DEBIAN/postinst", POSTINST, 0o755),
        ("etc/grafana/grafana.ini", "; of the stand-in\n", 0o644),
        ("usr/lib/systemd/system/grafana-server.service", UNIT, 0o644),
        ("usr/share/grafana/standin.py", PROGRAM, 0o644),
    ):
        target = package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content, encoding="ascii")
        target.chmod(mode)


def _sign(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as home:
        gpg = ("gpg", "--batch", "--quiet", "--homedir", home, "--pinentry-mode", "loopback", "--passphrase", "")
        release = folder / "dists/stable/Release"
        try:
            _call(*gpg, "--quick-generate-key", "drill", "ed25519", "sign", "1d")
            _call(*gpg, "--output", str(release.with_name("InRelease")), "--clearsign", str(release))
            (folder / "key.asc").write_text(_call(*gpg, "--armor", "--export"), encoding="ascii")
        finally:
            _call("gpgconf", "--homedir", home, "--kill", "gpg-agent")


def _call(*command: str, cwd: Path | None = None) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout
