from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import pytest
from haidang_collector.settings import BadSettingError, Settings, from_environment, split_address

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_set_is_enough() -> None:
    assert from_environment({}) == Settings()


def test_variables_are_read_by_the_type_of_the_field() -> None:
    settings = from_environment(
        {
            "HAIDANG_DATABASE_URL": "postgresql://haidang@db/haidang",
            "HAIDANG_LISTEN": "[::]:8081",
            "HAIDANG_MAX_SERIES": "50",
            "HAIDANG_BACKFILL_WINDOW_SECONDS": "86400",
            "HAIDANG_OPERATOR_PASSWORD": "mật khẩu",
            "HAIDANG_SERVER_URL": "the agent's, and not ours",
        }
    )

    assert settings == Settings(
        database_url="postgresql://haidang@db/haidang",
        listen="[::]:8081",
        max_series=50,
        backfill_window_seconds=86400.0,
        operator_password="mật khẩu",
    )


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("HAIDANG_POLICY", "/nowhere/policy.toml", "No such file"),
        ("HAIDANG_CALENDAR", "/nowhere/calendar.toml", "No such file"),
        ("HAIDANG_PORTAL_PORTS", "80,https", "'https' is no port: write numbers and ranges"),
        ("HAIDANG_MAX_SERIES", "many", "whole number"),
        ("HAIDANG_MAX_SERIES", "1.5", "whole number"),
        ("HAIDANG_MAX_SERIES", "0", "above 0"),
        ("HAIDANG_BACKLOG_RATE", "-1", "above 0"),
        ("HAIDANG_BACKLOG_RATE", "nan", "above 0"),
        ("HAIDANG_BACKFILL_WINDOW_SECONDS", "30d", "without a unit"),
        ("HAIDANG_LISTEN", "8080", "host:port"),
        ("HAIDANG_LISTEN", ":8080", "host:port"),
        ("HAIDANG_LISTEN", "127.0.0.1:99999", "host:port"),
        ("HAIDANG_STORE_WRITE_URL", "127.0.0.1:9090", "http://host:port/path"),
        ("HAIDANG_PROMETHEUS_URL", "ftp://127.0.0.1", "http://host:port/path"),
        ("HAIDANG_ALERTMANAGER_URL", "http://127.0.0.1:port", "http://host:port/path"),
        ("HAIDANG_DATABASE_URL", "/var/lib/haidang.db", "sqlite:////path/to/file.db"),
        ("HAIDANG_OPERATOR_PASSWORD", "", "set a password"),
        ("HAIDANG_TRUSTED_PROXIES", "10.0.0.1/8", "host bits set; write as 10.0.0.5,192.0.2.0/24"),
        ("HAIDANG_TRUSTED_PROXIES", "proxy.example", "write as 10.0.0.5,192.0.2.0/24"),
        ("HAIDANG_BUNDLES_URL", "http://files.example", "write https://name/folder"),
        ("HAIDANG_BUNDLES_URL", "https://files.example/$(reboot)", "write https://name/folder"),
        ("HAIDANG_ISP_PREFIXES", "/nowhere/isps.csv", "No such file"),
    ],
)
def test_an_error_names_variable_value_and_mend(name: str, value: str, mend: str) -> None:
    with pytest.raises(BadSettingError) as bad:
        from_environment({name: value})

    text = str(bad.value)
    assert text.startswith(f"{name}=")
    assert value in text
    assert mend in text


def test_a_table_of_isps_that_cannot_be_used_stops_the_start_with_its_line(tmp_path: Path) -> None:
    table = tmp_path / "isps.csv"
    table.write_text("prefix,asn,isp\n198.51.100.0/24,64496,A\n198.51.100.0,AS1\n")

    with pytest.raises(BadSettingError, match=r"^HAIDANG_ISP_PREFIXES=.*isps.csv: line 3: 2 cells"):
        from_environment({"HAIDANG_ISP_PREFIXES": str(table)})


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings().listen = "127.0.0.1:1"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("127.0.0.1:8080", ("127.0.0.1", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("ha.example:80", ("ha.example", 80)),
    ],
)
def test_an_address_is_split(address: str, parts: tuple[str, int]) -> None:
    assert split_address(address) == parts
