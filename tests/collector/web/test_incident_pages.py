"""The pages of incidents as a person uses them: find, take on, note, hand over, close; export."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.collector.web.reading import Page
from tests.collector.web.test_pages import HOSTILE

if TYPE_CHECKING:
    import httpx

    from tests.collector.web.conftest import Web


def numbers(web: Web, query: str = "") -> list[int]:
    return [int(found) for found in re.findall(r'<a href="/incidents/(\d+)"', web.page(f"/incidents{query}"))]


def send(web: Web, path: str, **fields: str) -> httpx.Response:
    """A form of the incident's page, with what that page put into it."""
    token = re.search(r'name="csrf" value="([^"]+)"', web.page("/".join(path.split("/")[:3])))
    assert token
    return web.client.post(path, data={"csrf": token[1], **fields}, follow_redirects=False)


def test_an_incident_from_its_alert_to_its_end(city: Web) -> None:
    city.alert("DOWN", summary="mất Internet", summary_en="no Internet", description="Gọi nhà mạng.")
    (number,) = numbers(city)
    path = f"/incidents/{number}"
    before = Page(city.page(path)).text
    answers = [
        send(city, f"{path}/acknowledge"),
        send(city, f"{path}/assign", person="Cô Lan"),
        send(city, f"{path}/note", text="Đã gọi <b>VNPT</b>"),
        send(city, f"{path}/close"),
    ]
    after = Page(city.page(path + "?lang=en"))

    assert "mất Internet" in before
    assert "Gọi nhà mạng." in before
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == [(303, path)] * 4
    for words in ("took it on", "gave it to Cô Lan", "Đã gọi <b>VNPT</b>", "closed it", "no Internet"):
        assert words in after.text
    assert numbers(city) == []
    assert numbers(city, "?view=closed") == [number]


def test_lists_are_filtered_and_paged(city: Web) -> None:
    for number in range(55):
        city.alert("DOWN", name=f"A{number}", severity="warning")
    city.alert("UP", category="security")

    assert len(numbers(city)) == 50
    assert len(numbers(city, "?page=2")) == 6
    assert len(numbers(city, "?page=99999999999")) == 6
    assert len(numbers(city, "?severity=critical")) == 1
    assert len(numbers(city, "?category=security&unit=UP")) == 1
    assert numbers(city, "?category=service") == []
    assert 'href="?severity=warning&amp;page=2#list"' in city.page("/incidents?severity=warning")


def test_exports_hold_what_the_page_was_filtered_to(city: Web) -> None:
    city.alert("DOWN", summary="một")
    city.alert("UP", summary="hai", severity="warning")
    every = Page(city.page("/incidents?severity=warning")).values("href")
    links = [link for link in every if link.startswith("/incidents.")]
    table, told = (city.client.get(link) for link in links)

    assert table.headers["content-type"].startswith("text/csv")
    assert "hai" in table.text
    assert "một" not in table.text
    assert [incident["unit"] for incident in told.json()["incidents"]] == ["UP"]
    assert len(city.client.get("/incidents.json").json()["incidents"]) == 2


def test_what_alerts_and_people_write_stays_text(web: Web) -> None:
    web.add("U-1", HOSTILE, district=HOSTILE, heard=3)
    web.alert("U-1", name=HOSTILE, summary=HOSTILE, description=HOSTILE, runbook_url=HOSTILE)
    (number,) = numbers(web)
    for action, field in (("note", "text"), ("assign", "person")):
        assert send(web, f"/incidents/{number}/{action}", **{field: HOSTILE}).status_code == 303
    for path in ("/incidents", f"/incidents/{number}", "/incidents?unit=%22%3E%3Cscript%3E&district=%22%3E"):
        page = Page(web.page(path))

        assert {tag for tag, _ in page.tags}.isdisjoint({"script", "style"})
        assert [tag for tag, attributes in page.tags if "onerror" in attributes] == []
        assert all(re.match(r"[/?#]", link) for link in page.values("href") + page.values("action"))


def test_what_is_no_form_of_ours_changes_nothing(city: Web) -> None:
    city.alert("DOWN")
    (number,) = numbers(city)
    path = f"/incidents/{number}"

    assert city.client.post(f"{path}/close").status_code == 403
    assert city.client.post(f"{path}/close", data={"csrf": "x"}).status_code == 403
    assert send(city, f"{path}/note", text="  ").status_code == 422
    assert send(city, f"{path}/burn").status_code == 404
    assert numbers(city) == [number]
    for nowhere in ("/incidents/999", "/incidents/99999999999999999999"):
        assert city.client.get(nowhere).status_code == 404


def test_a_page_with_a_form_does_not_renew_itself(city: Web) -> None:
    """
    What somebody is writing would be lost.
    """
    city.alert("DOWN")
    (number,) = numbers(city)

    assert "http-equiv" in city.page("/incidents?refresh=on")
    assert "http-equiv" not in city.page(f"/incidents/{number}?refresh=on")


def test_everybody_sees_the_incidents_of_their_scope(city: Web) -> None:
    """
    DOWN lies in Quận 10, UP in Quận 1.
    """
    city.alert("DOWN")
    city.alert("UP")
    down, up = sorted(numbers(city))
    city.log_in(district="Quận 10")

    assert numbers(city) == [down]
    assert numbers(city, "?district=Qu%E1%BA%ADn+1") == numbers(city, "?unit=UP") == []
    assert [told["unit"] for told in city.client.get("/incidents.json?unit=").json()["incidents"]] == ["DOWN"]
    assert "UP" not in city.client.get("/incidents.csv").text
    assert (city.client.get(f"/incidents/{down}").status_code, city.client.get(f"/incidents/{up}").status_code) == (
        200,
        403,
    )
    city.log_in(unit="UP")
    assert numbers(city) == [up]
    assert city.client.get(f"/incidents/{down}").status_code == 403


def test_readers_only_read_and_operators_handle_what_is_theirs(city: Web) -> None:
    city.alert("DOWN")
    city.alert("UP")
    down, up = sorted(numbers(city))
    city.log_in("operator", district="Quận 10")
    token = re.search(r'name="csrf" value="([^"]+)"', city.page(f"/incidents/{down}"))
    assert token

    assert send(city, f"/incidents/{down}/acknowledge").status_code == 303
    foreign = city.client.post(f"/incidents/{up}/acknowledge", data={"csrf": token[1]})
    assert foreign.status_code == 403
    city.log_in("reader")
    assert "csrf" not in city.page(f"/incidents/{up}").partition("<main")[2]
    assert city.client.post(f"/incidents/{up}/acknowledge", data={"csrf": token[1]}).status_code == 403
    assert numbers(city, "?view=acknowledged") == [down]


def test_who_is_assigned_finds_it_among_theirs(city: Web) -> None:
    city.alert("DOWN")
    city.alert("UP")
    city.log_in("operator")
    (name,) = re.findall(r'<a class="account"[^>]*>([^<]+)</a>', city.page("/incidents"))
    number = max(numbers(city))
    offered = Page(city.page(f"/incidents/{number}")).values("value")
    send(city, f"/incidents/{number}/assign", person=name)

    assert name in offered
    assert numbers(city, "?view=mine") == [number]
