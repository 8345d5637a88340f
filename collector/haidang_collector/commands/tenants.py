"""`haidang tenants`: the files of vmagent and vmalert for a store with a tenant for each district."""

import os
import shutil
from pathlib import Path
from typing import Annotated

import typer

from haidang_collector.commands._registry import Data, Json, opened, refuse, say, show, show_json

HEADER = ("TENANT", "DISTRICT", "VMALERT")
OURS = ("vmalert-*.env", "relabel/*.yml", "rules/centre/*.yml", "rules/district/*.yml")


def command(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the files; what is no more goes.")],
    collector: Annotated[
        list[str],
        typer.Option(metavar="HOST:PORT", help="Whose /metrics is scraped; as often as there are collectors."),
    ] = ["127.0.0.1:8080"],  # noqa: B006 - Typer copies it
    registry: Annotated[
        str,
        typer.Option(metavar="HOST:PORT", help="Where the registry's facts are scraped; default: the first collector."),
    ] = "",
    alertmanager: Annotated[
        list[str] | None, typer.Option(metavar="URL", help="As often as there are; default: HAIDANG_ALERTMANAGER_URL.")
    ] = None,
    vmagent: Annotated[str, typer.Option(metavar="HOST:PORT", help="Where vmagent listens.")] = "127.0.0.1:8429",
    first_port: Annotated[
        int, typer.Option(min=1, max=60_000, help="Of the vmalerts, on loopback: the centre's, then one a district.")
    ] = 9700,
    password_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Of the scrapes, where collectors have HAIDANG_OPERATOR_PASSWORD."),
    ] = None,
    vmalert: Annotated[str, typer.Option(metavar="PROGRAM", help="Says which rules it can read.")] = "vmalert",
    as_json: Json = False,
    data: Data = None,
) -> None:
    """Write what vmagent and the vmalerts read: one tenant for each district of the registry, and the centre's.

    The store is the one of HAIDANG_STORE, with HAIDANG_STORE_TENANT=district. Run it again, and restart them, when
    there is a new district.

    Example: haidang tenants --out /etc/haidang/tenants
    """
    from haidang_collector import tenant_files, tenants  # noqa: PLC0415 - `--help` need not wait
    from haidang_collector.settings import BadSettingError, from_environment  # noqa: PLC0415
    from haidang_collector.supervisor.victoria import knows_headers, rule_files  # noqa: PLC0415

    try:
        settings = from_environment()
    except BadSettingError as bad:
        refuse(str(bad))
    if settings.store_tenant != tenants.PER_DISTRICT:
        refuse(f"there are no tenants to write for: set HAIDANG_STORE_TENANT={tenants.PER_DISTRICT}, and HAIDANG_STORE")
    program = shutil.which(vmalert) or refuse(f"{vmalert} is not on PATH; on Debian: apt-get install victoria-metrics")
    with opened(data) as known:
        districts = sorted({unit.district for unit in known.units()})
    places = tenant_files.Places(
        files=out.absolute(),
        collectors=collector,
        registry=registry or collector[0],
        vmagent=vmagent,
        alertmanagers=alertmanager or [settings.alertmanager_url],
        first_port=first_port,
        password_file=password_file and password_file.absolute(),
    )
    try:
        rules, without = rule_files(program)
        _write(out, tenant_files.files(settings, places, districts, rules))
        headless = settings.store == "mimir" and not knows_headers(program)
    except OSError as failed:
        refuse(f"{failed.filename}: {failed.strerror}")
    if without:
        say(f"this vmalert cannot keep alerts firing (keep_firing_for): {', '.join(without)}")
    if headless:
        say("this vmalert cannot tell Mimir whose data it asks for (-datasource.headers): take a newer one")
    told = tenant_files.tenants_of(districts, first_port)
    if as_json:
        show_json([{"tenant": each.name, "district": each.district, "port": each.port} for each in told])
    else:
        show(HEADER, [(each.name, each.district or "-", f"127.0.0.1:{each.port}") for each in told])


def _write(folder: Path, contents: dict[str, str]) -> None:
    """Also takes away what an earlier run wrote of a district that is no more. Raises OSError."""
    for path, text in contents.items():
        file = folder / path
        _make_readable(file.parent)
        mode = 0o600 if file.suffix == ".env" else 0o644  # addresses may hold passwords, and systemd reads them as root
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT, mode), "w", encoding="utf-8") as opened:
            os.fchmod(opened.fileno(), mode)
            opened.truncate()
            opened.write(text)
    for pattern in OURS:
        for file in folder.glob(pattern):
            if str(file.relative_to(folder)) not in contents:
                file.unlink()


def _make_readable(folder: Path) -> None:
    """By everybody, whatever the umask, where it is not there yet: vmagent and vmalert are no users of ours."""
    if not folder.is_dir():
        _make_readable(folder.parent)
        folder.mkdir()
        folder.chmod(0o755)
