"""A real nginx whose every address of loopback is a website with a fault of its own, in a network namespace."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import socket
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.lab.ca import CertificateAuthority
from tests.lab.node import Node, add_namespaces, remove_namespaces
from tests.waiting import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGES = Path(__file__).parent / "pages"
QUARTER = (dt.timedelta(hours=-1), dt.timedelta(days=90))
GOOD_HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'self'; frame-ancestors 'self'",
    "Referrer-Policy": "strict-origin-when-cross-origin",
}
MAIN = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/error.log warn; user root;
events {{ worker_connections 256; }}
http {{
  access_log {folder}/access.log combined; default_type text/html; server_tokens off; ssl_ciphers ALL:@SECLEVEL=0;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  types {{ text/html html; }}
  {sites}
}}
"""


@dataclass(frozen=True)
class Website:
    """One website; all is well with it unless said otherwise. `plain` and `secure` None: nothing listens there."""

    page: str = "school.html"
    headers: dict[str, str] = field(default_factory=lambda: dict(GOOD_HEADERS))
    cookies: Sequence[str] = ()
    protocols: str = "TLSv1.2 TLSv1.3"
    lifetime: tuple[dt.timedelta, dt.timedelta] = QUARTER
    certificate_of: str = ""
    stranger: bool = False
    plain: str | None = "return 301 https://$host$request_uri;"
    secure: str | None = ""
    to_search_engines: str = ""


class Nginx:
    """Context manager; each website is at an address of its own."""

    def __init__(self, folder: Path, websites: dict[str, Website]) -> None:
        self.folder = folder
        self.authority = CertificateAuthority(_made(folder / "known"))
        self._stranger = CertificateAuthority(_made(folder / "stranger"), "Stranger CA")
        self.addresses = {name: f"127.0.1.{number}" for number, name in enumerate(websites, start=1)}
        self._websites = websites
        self._node = Node(f"hd-{os.getpid()}-web")

    def __enter__(self) -> Self:
        binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        if binary is None:
            raise FileNotFoundError("no nginx on PATH; run: apt-get install nginx-light")
        shutil.copytree(PAGES, self.folder / "pages")
        sites = "\n".join(self._site(name, website) for name, website in self._websites.items())
        (self.folder / "nginx.conf").write_text(MAIN.format(folder=self.folder, sites=sites))
        add_namespaces([self._node])
        with contextlib.ExitStack() as stack:
            stack.callback(remove_namespaces, [self._node])
            command = (binary, "-p", str(self.folder), "-e", str(self.folder / "error.log"), "-c", "nginx.conf")
            self._node.start(*command)
            eventually("nginx listens", self._listens, seconds=10, every=0.02)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def inside(self) -> Iterator[None]:
        with self._node.inside():
            yield

    def run(self, *command: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """To its end, on a machine that reaches the websites."""
        return self._node.run(*command, env=environment, timeout=60)

    def asked(self) -> list[str]:
        """The access log's lines until now."""
        return (self.folder / "access.log").read_text().splitlines()

    def _listens(self) -> bool:
        with self.inside(), socket.create_connection((next(iter(self.addresses.values())), 443), timeout=1):
            return True

    def _site(self, name: str, website: Website) -> str:
        address = self.addresses[name]
        authority = self._stranger if website.stranger else self.authority
        certificate, key = authority.issue(website.certificate_of or address, website.lifetime)
        own = [Path(shutil.copy(file, self.folder / f"{name}{file.suffix}")) for file in (certificate, key)]
        headers = "".join(f'add_header {header} "{value}";\n' for header, value in website.headers.items())
        headers += "".join(f'add_header Set-Cookie "{cookie}";\n' for cookie in website.cookies)
        shown = f"root {self.folder}/pages; index {website.page};"
        if website.to_search_engines:
            shown += f"if ($http_user_agent ~ Googlebot) {{ rewrite ^/$ /{website.to_search_engines} last; }}"
        parts = []
        if website.plain is not None:
            parts.append(f"server {{ listen {address}:80; {shown} {website.plain} }}")
        if website.secure is not None:
            tls = f"ssl_protocols {website.protocols}; ssl_certificate {own[0]}; ssl_certificate_key {own[1]};"
            parts.append(f"server {{ listen {address}:443 ssl; {tls} {headers} {shown} {website.secure} }}")
        return "\n".join(parts)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder
