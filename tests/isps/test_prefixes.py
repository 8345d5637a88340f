"""Which ISP an address belongs to: the built-in table, and tables that somebody wrote."""

from __future__ import annotations

import gc
import ipaddress
import subprocess
import sys
import time
import tracemalloc
from itertools import pairwise
from pathlib import Path

import pytest
from haidang_isps import BUILT_IN, BadPrefixesError, Network, Prefix, Prefixes, is_public, parse_address, read
from hypothesis import given
from hypothesis import strategies as st

KNOWN = {
    "VNPT": ("113.160.0.1", "14.160.1.1", "203.162.4.190", "2001:ee0::1"),
    "Viettel": ("171.224.0.1", "27.64.0.1", "203.113.131.1", "2402:800::1"),
    "FPT": ("118.68.0.1", "42.112.0.1", "210.245.24.20", "2405:4800::1"),
}


@pytest.fixture(scope="module")
def built_in() -> Prefixes:
    return Prefixes.load()


def table(folder: Path, *rows: str) -> Path:
    file = folder / "prefixes.csv"
    file.write_text("\n".join(("# source, date", "prefix,asn,isp", *rows)) + "\n", encoding="utf-8")
    return file


@pytest.mark.parametrize(("address", "isp"), [(address, isp) for isp, known in KNOWN.items() for address in known])
def test_known_addresses_of_vietnamese_isps(built_in: Prefixes, address: str, isp: str) -> None:
    assert built_in.isp(address) == isp


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "10.0.0.1", "192.0.2.1", "2001:4860:4860::8888", "0.0.0.0"])
def test_other_addresses_are_nobodys(built_in: Prefixes, address: str) -> None:
    assert built_in.isp(address) is None


def test_the_built_in_table_says_where_it_comes_from_and_covers_the_isps_of_schools(built_in: Prefixes) -> None:
    head = [line for line in BUILT_IN.read_text(encoding="utf-8").splitlines() if line.startswith("#")]

    assert {"VNPT", "Viettel", "FPT", "CMC", "MobiFone", "SCTV", "NetNam", "SPT"} <= built_in.isps
    assert "CC BY 4.0" in "".join(head)
    assert "@ip-location-db/asn 2.3." in "".join(head)
    assert "data of 2026-" in "".join(head)


def test_the_built_in_prefixes_are_public_and_none_lies_in_another() -> None:
    rows = read(BUILT_IN)

    for version in (4, 6):
        ends = sorted(
            (int(row.network.network_address), int(row.network.broadcast_address))
            for row in rows
            if row.network.version == version
        )
        assert [pair for pair in pairwise(ends) if pair[0][1] >= pair[1][0]] == []
    assert [row for row in rows if not is_public(row.network.network_address)] == []


def test_the_table_is_small_in_memory_and_quick() -> None:
    """
    An agent is a guest: measured are 27 KiB and 16 ms to load; the bounds leave room for slow machines.

    A full collection empties Python's free lists, which hold what the loading used, not what the table is.
    """
    tracemalloc.start()
    kept = Prefixes.load()
    gc.collect()
    size, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    began = time.process_time()
    Prefixes.load()
    loaded = time.process_time() - began

    assert kept.isp("113.160.0.1") == "VNPT"
    assert size < 64 << 10
    assert loaded < 0.2


def test_the_longest_prefix_wins(tmp_path: Path) -> None:
    rows = ("10.0.0.0/8,1,A", "10.1.0.0/16,2,B", "10.1.2.0/24,1,A", "10.1.2.3/32,3,C", "2001:db8::/32,1,A")
    prefixes = Prefixes.load(table(tmp_path, *rows))

    found = {
        address: prefixes.isp(address)
        for address in ("9.255.255.255", "10.0.0.0", "10.1.0.1", "10.1.2.2", "10.1.2.3", "10.1.2.4", "10.1.3.0",
                        "10.2.0.0", "10.255.255.255", "11.0.0.0", "2001:db8::1", "2001:db9::")
    }  # fmt: skip

    assert list(found.values()) == [None, "A", "B", "A", "C", "A", "B", "A", "A", None, "A", None]


networks = st.one_of(
    st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 32)).map(lambda n: ipaddress.ip_network(n, strict=False)),
    st.tuples(st.integers(0, 2**128 - 1), st.integers(0, 128)).map(
        lambda n: ipaddress.IPv6Network((n[0], n[1]), strict=False)
    ),
    st.tuples(st.integers(0, 15), st.integers(28, 32)).map(lambda n: ipaddress.ip_network(n, strict=False)),
)


@given(st.dictionaries(networks, st.sampled_from("ABC"), max_size=8), st.data())
def test_it_finds_what_a_search_through_all_prefixes_finds(table: dict[Network, str], data: st.DataObject) -> None:
    prefixes = Prefixes(Prefix(network, 1, isp) for network, isp in table.items())
    edges = [edge for network in table for edge in (network.network_address, network.broadcast_address)]
    address = data.draw(st.one_of(st.ip_addresses(), *([st.sampled_from(edges)] if edges else [])))

    covering = [network for network in table if network.version == address.version and address in network]
    longest = max(covering, key=lambda network: network.prefixlen, default=None)
    assert prefixes.isp(address) == (table[longest] if longest is not None else None)


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("203.0.113.0/33,1,A", "'203.0.113.0/33' does not appear to be"),
        ("203.0.113.1/24,1,A", "has host bits set"),
        ("example.org,1,A", "does not appear to be"),
        ("203.0.113.0/24,A", "2 cells instead of prefix,asn,isp"),
        ("203.0.113.0/24,1,A,B", "4 cells instead of"),
        ("203.0.113.0/24,AS1,A", "asn 'AS1' is no number"),
        ("203.0.113.0/24,٣,A", "is no number"),
        ("203.0.113.0/24,4294967296,A", "is no number"),
        ("203.0.113.0/24,1,", "isp '' is no name"),
        ("203.0.113.0/24,1," + "A" * 65, "is no name of 1 to 64 characters"),
        ("203.0.113.0/24,1,A\x07", "is no name"),
        ('203.0.113.0/24,1,"A', "no CSV"),
        ("198.51.100.0/24,2,B", "198.51.100.0/24 was A before"),
    ],
)
def test_a_bad_row_is_named_with_its_line(tmp_path: Path, row: str, fault: str) -> None:
    file = table(tmp_path, "198.51.100.0/24,1,A", "", row)

    with pytest.raises(BadPrefixesError) as bad:
        Prefixes.load(file)

    assert str(bad.value).startswith(f"{file}: line 5: ")
    assert fault in str(bad.value)


def test_of_many_bad_rows_the_first_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    with pytest.raises(BadPrefixesError, match=r"line 3: .*line 7: .*; and 95 more$"):
        Prefixes.load(table(tmp_path, *["nonsense"] * 100))


def test_a_table_without_a_row_or_not_in_utf8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadPrefixesError, match="no row; write prefix,asn,isp"):
        Prefixes.load(table(tmp_path))
    (tmp_path / "latin.csv").write_bytes(b"203.0.113.0/24,1,B\xec\n")
    with pytest.raises(BadPrefixesError, match="not UTF-8"):
        Prefixes.load(tmp_path / "latin.csv")
    many = [f"10.{number // 256}.{number % 256}.0/24,1,ISP {number}" for number in range(256)]
    with pytest.raises(BadPrefixesError, match="more than 255 ISPs"):
        Prefixes.load(table(tmp_path, *many))


def test_a_table_as_a_spreadsheet_saves_it_is_read(tmp_path: Path) -> None:
    """
    Byte order mark, CRLF, quotes, blanks and Vietnamese names.
    """
    file = tmp_path / "excel.csv"
    file.write_bytes('\ufeffprefix,asn,isp\r\n"203.0.113.0/24", 64496 ,"Viễn thông, Hà Nội"\r\n'.encode())

    assert Prefixes.load(file).isp("203.0.113.9") == "Viễn thông, Hà Nội"


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("203.0.113.1", True),
        ("198.51.100.1", True),
        ("14.160.1.1", True),
        ("100.63.255.255", True),
        ("100.64.0.1", False),
        ("100.127.255.255", False),
        ("10.1.2.3", False),
        ("172.15.0.1", True),
        ("172.31.255.255", False),
        ("192.168.1.1", False),
        ("169.254.1.1", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("2001:db8::1", True),
        ("2001:ee0::1", True),
        ("fd00::1", False),
        ("fe80::1", False),
        ("::1", False),
        ("ff02::1", False),
        ("::ffff:10.0.0.1", False),
        ("::ffff:14.160.1.1", True),
    ],
)
def test_what_is_public(text: str, public: bool) -> None:
    address = parse_address(text)

    assert address is not None
    assert is_public(address) is public


@given(st.text(max_size=50))
def test_text_that_is_no_address_is_nobodys(text: str) -> None:
    assert parse_address(text) is not None or Prefixes([]).isp(text) is None


def test_the_maker_refuses_a_package_that_lacks_an_isp(tmp_path: Path) -> None:
    """
    A table that silently lost VNPT would make every school of its look as if it had no ISP.
    """
    package = tmp_path / "package"
    package.mkdir()
    (package / "package.json").write_text('{"name": "@ip-location-db/asn", "version": "2.3.2026061719"}')
    for version in "46":
        (package / f"asn-ipv{version}.csv").write_text("")
    subprocess.run(["tar", "czf", "p.tgz", "package"], cwd=tmp_path, check=True)
    before = BUILT_IN.read_bytes()
    maker = Path(__file__).parents[2] / "scripts" / "isp_prefixes.py"

    made = subprocess.run([sys.executable, maker, tmp_path / "p.tgz"], capture_output=True, text=True, check=False)

    assert made.returncode != 0
    assert "no range of AS [7552, 7602," in made.stderr
    assert BUILT_IN.read_bytes() == before
