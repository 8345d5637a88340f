"""An ISP fails for 800 of 2,500 schools, in nine districts, within a minute: who is told what, and how soon?

A real Prometheus with all rules, a real Alertmanager with the committed routes, a webhook that counts, and `haidang
serve` that tells the people in charge by a real mail server: an officer and a leader of each school, an operator of
each district and of the city.

In one of the schools that runs on its spare line a rogue DHCP server turns up meanwhile, and another, of another ISP in
a district that is hit, loses its Internet by itself. Then the ISP comes back, within a minute.
"""

from __future__ import annotations

import tempfile
import time
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

from benchmarks.measure import scaled, wait_for
from tests.e2e.stormy_city import FAILS, build, stormy_city, strike
from tests.e2e.telling_centre import CITY, leader_of, officer_of, operator_of, telling_collector
from tests.servers import get

if TYPE_CHECKING:
    from tests.e2e.stormy_city import School, StormyCity
    from tests.mail_sink import MailSink

UNITS, HIT = scaled(2_500), scaled(800)
DISTRICTS, HIT_DISTRICTS = max(8, scaled(24)), max(3, scaled(9))
"""Three make it an outage of the city; with fewer schools each of more districts an outage is none."""
WITHIN = 60.0 * (HIT / HIT_DISTRICTS) / (800 / 9)
"""60 s; with fewer schools in a district, as many fail in a second there."""
ROGUE_AFTER, OTHER_AFTER = 45.0, 30.0
GROUP_INTERVAL = "30s"
"""As committed."""
LARGER = ("IspOutage", "IspOutageInCity", "PowerOutage", "CentreCutOff")
END_SECONDS = 900
TOLD_SECONDS = 120
OVER = "[ĐÃ HẾT]"


def main(seconds: float) -> None:
    """The outage stands for `seconds` once everybody is known to be cut off."""
    schools = build(units=UNITS, districts=DISTRICTS, hit=HIT, hit_districts=HIT_DISTRICTS)
    districts_of = {school.code: school.district for school in schools}
    with (
        tempfile.TemporaryDirectory(prefix="haidang-bench-") as name,
        telling_collector(Path(name) / "collector", districts_of, {}) as collector,
        stormy_city(Path(name), schools, group_interval=GROUP_INTERVAL, collector=collector.url) as city,
    ):
        cpu, began = _cpu_seconds(city), time.time()
        hit = strike(schools, began, WITHIN, hit_districts=HIT_DISTRICTS)
        other = next(school for school in schools if school.district == "Quận 1" and FAILS not in school.isps)
        other.cut, other.all_lines = began + OTHER_AFTER, True
        rogue = next(school for school in hit if len(school.isps) > 1)
        rogue.rogue_dhcp = began + ROGUE_AFTER
        operators = {operator_of(f"Quận {number}") for number in range(1, HIT_DISTRICTS + 1)} | {CITY}
        wait_for("all to be dark", lambda: time.time() > began + WITHIN and city.all_dark(), 300, every=1)
        wait_for("the attack to be told", lambda: city.named("RogueDhcpServer"), 120)
        wait_for("operators to be told", lambda: operators <= _addressed(collector.sink), TOLD_SECONDS, every=1)
        time.sleep(seconds)
        cores = (_cpu_seconds(city) - cpu) / (time.time() - began)
        _tell_begin(city, hit, began, cores)
        print(f"  a school of another ISP in a district that is hit: {_after(city, 'InternetDown', other, other.cut)}")
        print(
            f"  a rogue DHCP server in a school that is hit: {_after(city, 'RogueDhcpServer', rogue, rogue.rogue_dhcp)}"
        )
        people = operators | {officer_of(other.code), officer_of(rogue.code), leader_of(rogue.code)}
        _tell_people(collector.sink, people, operators, began)
        print(f"  the rogue's officer: {_reached(collector.sink, officer_of(rogue.code), rogue.rogue_dhcp)}")
        print(f"  the other school's officer: {_reached(collector.sink, officer_of(other.code), other.cut)}")
        _end(city, hit)
        _tell_end(collector.sink, operators)


def _addressed(sink: MailSink) -> set[str]:
    return {letter.to for letter in sink.letters()}


def _tell_people(sink: MailSink, people: set[str], operators: set[str], began: float) -> None:
    letters = sink.letters()
    counts = Counter(letter.to for letter in letters)
    first = [letter.at - began for letter in letters if letter.to in operators]
    print(f"  people told: {len(counts)}, at most {max(counts.values())} message to each (at most 1)")
    print(f"  operators: first after {min(first):.1f} s (at most 60), last after {max(first):.1f} s")
    told = counts.keys()
    print(f"  not told who had to be: {sorted(people - told)}; told who had not: {sorted(told - people)}")


def _reached(sink: MailSink, address: str, since: float) -> str:
    found = [letter.at - since for letter in sink.letters() if letter.to == address]
    return f"reached after {found[0]:.1f} s (at most 60)" if found else "NOT REACHED"


def _tell_end(sink: MailSink, operators: set[str]) -> None:
    def over() -> Counter[str]:
        return Counter(letter.to for letter in sink.letters() if letter.subject.startswith(OVER))

    try:
        wait_for("operators to hear of the end", lambda: operators <= over().keys(), TOLD_SECONDS, every=1)
    finally:
        counts = Counter(letter.to for letter in sink.letters())
        ends = [over()[address] for address in sorted(operators)]
        print(f"  ends told to the {len(operators)} operators (1 each): {ends}")
        print(f"  messages in all: {counts.total()} to {len(counts)} people, {max(counts.values())} at most to one")


def _tell_begin(city: StormyCity, hit: list[School], began: float, cores: float) -> None:
    codes, told = {school.code for school in hit}, city.told()
    larger = [(at, labels) for at, labels in told if labels["alertname"] in LARGER]
    of_schools = Counter(labels["alertname"] for _, labels in told if labels.get("unit") in codes)
    print(f"{UNITS} units; {FAILS} fails at {len(hit)} in {HIT_DISTRICTS} districts within {WITHIN:.0f} s")
    names = Counter(labels["alertname"] for _, labels in larger)
    print(f"  larger than a school (at most 1 + {HIT_DISTRICTS}): {dict(names)}")
    print(f"  first told after {larger[0][0] - began:.1f} s (at most 60), the last after {larger[-1][0] - began:.1f} s")
    print(f"  of the schools that are hit: {dict(of_schools)}")
    print(f"  notifications: {len(city.people.notifications)}, mails: {len(city.people.mails)}")
    print(f"  Prometheus: {cores:.2f} of a core, scrapes of the whole city among it")


def _after(city: StormyCity, alertname: str, school: School, since: float) -> str:
    found = [at - since for at, labels in city.named(alertname) if labels["unit"] == school.code]
    return f"told after {found[0]:.1f} s (at most 60)" if found else "NOT TOLD"


def _end(city: StormyCity, hit: list[School]) -> None:
    """Who was told that it fires hears that it is over, once."""
    began, dice = time.time(), Random(3)
    for school in hit:
        school.back = began + dice.uniform(0, WITHIN)
    expected = Counter(name for name in _names(city, "firing") if name in LARGER)

    def over() -> bool:
        return Counter(name for name in _names(city, "resolved") if name in LARGER) == expected

    wait_for("the end to be told", over, END_SECONDS, every=1)
    last = max(at for at, labels in city.told("resolved") if labels["alertname"] in LARGER)
    codes = {school.code for school in hit}
    print(
        f"{FAILS} is back within {WITHIN:.0f} s; the end of all {expected.total()} is told after {last - began:.0f} s"
    )
    for status in ("firing", "resolved"):
        of_schools = Counter(labels["alertname"] for _, labels in city.told(status) if labels.get("unit") in codes)
        print(f"  of the schools that were hit, {status} in all: {dict(of_schools)}")


def _names(city: StormyCity, status: str) -> list[str]:
    return [labels["alertname"] for _, labels in city.told(status)]


def _cpu_seconds(city: StormyCity) -> float:
    metrics = get(f"{city.store.url}/metrics").decode()
    return float(metrics.partition("\nprocess_cpu_seconds_total ")[2].partition("\n")[0])
