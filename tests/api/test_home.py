"""What the first page shows, through the API: counters, what was sealed, and the search of devices."""

from datetime import UTC, datetime

import pytest

from tests.api.conftest import SERIALS, Company
from vouchsafe.kernel import publish


def test_the_counters_are_those_of_the_records_that_one_may_see(company: Company) -> None:
    company.vulnerability()
    found = {one["process"]: one for one in company["priya"].get("/counts")}
    assert set(found) == {"capa", "complaint", "field_action", "vulnerability"}
    listed = company["priya"].get("/records?process=vulnerability&open_only=true")
    assert found["vulnerability"]["open"] == listed["total"] >= 1
    states = company["priya"].get("/counts/vulnerability")
    assert sum(states.values()) == found["vulnerability"]["total"] and states["vuln_received"] >= 1
    assert all(one["total"] == 0 for one in company["nobody"].get("/counts"))
    assert company["nobody"].get("/counts/vulnerability") == {}
    company["priya"].get("/counts/no_such", 404)


def test_what_happened_last_is_told_to_who_may_see_it_and_sealed_once_it_is_logged(company: Company) -> None:
    number = company.vulnerability()
    newest = company["priya"].get("/events?count=1")[0]
    assert (newest["number"], newest["kind"], newest["seal"]) == (number, "opened", "queued")
    assert number not in {e["number"] for e in company["priya"].get("/events?sealed_only=true&count=200")}
    publish.tick(datetime.now(UTC))
    sealed = company["priya"].get("/events?sealed_only=true")[0]
    assert (sealed["number"], sealed["seal"]) == (number, "logged") and sealed["seal_index"] is not None
    assert company["nobody"].get("/events") == []
    company["priya"].get("/events?count=201", 422)


@pytest.mark.parametrize(
    ("text", "serials"),
    [
        ("T4-031", set(SERIALS)),
        ("t4-0312", {SERIALS[1]}),
        (f"(01)05060912340019(21){SERIALS[2]}", {SERIALS[2]}),
        (f"  {SERIALS[0]} ", {SERIALS[0]}),
        ("T4-9999", set()),
        ("%", set()),
        ("", set()),
    ],
)
def test_a_text_finds_the_devices_that_it_may_mean(company: Company, text: str, serials: set[str]) -> None:
    answer = company["marcus"]("GET", "/fleet/search", query_params={"text": text})
    assert answer.status_code == 200 and {row["serial"] for row in answer.json()} == serials


def test_no_more_devices_are_found_than_asked_for(company: Company) -> None:
    assert len(company["marcus"].get("/fleet/search?text=T4&limit=2")) == 2
    company["marcus"].get("/fleet/search?text=T4&limit=51", 422)
