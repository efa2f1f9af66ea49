"""Fleet, device, advisory, field action and ledger pages over a small real fleet."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.conftest import Site
from vouchsafe.fleet import population
from vouchsafe.kernel import publish

SERIALS = ["T4-0311-88207", "T4-0312-88244", "T4-0313-88281"]
ADVISORY = {
    "id": "TEST-2026-1",
    "modified": "2026-01-02T00:00:00Z",
    "summary": "lodash can be made to run code",
    "affected": [
        {
            "package": {"ecosystem": "npm", "name": "lodash", "purl": "pkg:npm/lodash"},
            "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "4.17.21"}]}],
        }
    ],
}


@pytest.fixture
def fleet(site: Site, db: Any) -> Iterator[Any]:
    from tests.fleet.world import build_world

    made = build_world(db.app_dsn, site.data, SERIALS)
    try:
        made.now = int(datetime.now(UTC).timestamp() * 1000)
        for serial in SERIALS[:2]:
            assert made.prove(serial).result == "logged"
        made.intake.checkpoint(made.now)
        yield made
    finally:
        made.intake.close()


def imported(site: Site, body: bytes = b"", by: str = "priya") -> Any:
    data = body or json.dumps(ADVISORY).encode()
    return site.client(by).post("/advisories/import", {"advisory": SimpleUploadedFile("a.json", data)})


def test_fleet_pages_answer_and_count(site: Site, fleet: Any) -> None:
    client = site.client("ingrid")
    for path in ("/fleet", "/fleet/devices", f"/fleet/devices/{SERIALS[0]}", "/fleet/sites/h0", "/"):
        assert client.get(path).status_code == 200, path
    html = client.get("/fleet/devices?freshness=unknown").content.decode()
    assert SERIALS[2] in html
    assert SERIALS[0] not in html


def test_a_device_that_never_attested_is_said_to_be_unknown(site: Site, fleet: Any) -> None:
    html = site.client("ingrid").get(f"/fleet/devices/{SERIALS[2]}").content.decode()
    assert "Nothing is proven about this moment" in html


def test_a_device_s_strip_ends_now_and_that_of_a_moment_has_it_in_the_middle(site: Site, fleet: Any) -> None:
    client, day = site.client("ingrid"), r"(\d+ \w{3} \d{4} \d\d:\d\d) \w+"
    now = datetime.now(ZoneInfo("Europe/London")).replace(tzinfo=None)
    for query, after in (("", 0), (f"&at={now:%Y-%m-%dT%H:%M}", 5)):
        html = client.get(f"/fleet/devices/{SERIALS[0]}?span=10h{query}").content.decode()
        (window,) = re.findall(rf"{day} to {day}, \d+ proofs", html)
        start, end = (datetime.strptime(moment, "%d %b %Y %H:%M") for moment in window)
        assert end - start == timedelta(hours=10)
        assert abs(end - timedelta(hours=after) - now) < timedelta(minutes=3), window


def test_what_does_not_exist_is_not_found(site: Site, fleet: Any) -> None:
    client = site.client("ingrid")
    for path in (
        "/fleet/devices/nothing", "/fleet/sites/nothing", "/advisories/99", "/ledger/records/99999",
        "/ledger/nothing/0", "/records/CAPA-2099-0001", "/new/nothing", "/log/../keys/session.key",
        "/log/records/../../keys", "/log/records/tile/0/zzz", "/log/x/checkpoint",
    ):  # fmt: skip
        assert client.get(path).status_code == 404, path


def test_an_odd_question_about_a_device_still_gets_an_answer(site: Site, fleet: Any) -> None:
    client = site.client("ingrid")
    for query in (
        "at=nonsense",
        "span=1y",
        "shift=x",
        "shift=-99999",
        "at=9999-12-31T23:59",
        "at=0001-01-01T00:00",
    ):
        assert client.get(f"/fleet/devices/{SERIALS[0]}?{query}").status_code == 200, query


def test_an_advisory_is_imported_and_its_devices_are_counted(site: Site, fleet: Any) -> None:
    answer = imported(site)
    assert answer.status_code == 302
    html = site.client("ingrid").get(answer["Location"]).content.decode()
    assert "3 of 3 pumps" in html
    assert "Every device" not in html
    assert SERIALS[0] in html


def test_a_broken_advisory_is_refused_with_the_place(site: Site, fleet: Any) -> None:
    for body in (b"{", b"[]", b"null", b"{}", b"\xff\xfe", b'{"id": 1}', b"[" * 100_000):
        answer = imported(site, body)
        assert answer.status_code == 422, body[:20]
        assert "The advisory was not imported" in answer.content.decode()


def test_who_may_not_open_a_vulnerability_may_not_import(site: Site, fleet: Any) -> None:
    assert imported(site, by="samir").status_code == 403


def test_a_population_is_frozen_once_from_the_record(site: Site, fleet: Any) -> None:
    imported(site)
    client = site.client("ingrid")
    opened = client.post("/new/field_action", {"title": "Correct lodash", "f.advisory": "TEST-2026-1"})
    number = opened["Location"].rsplit("/", 1)[1]
    assert "Freeze the population" in client.get(f"/records/{number}").content.decode()
    assert client.post(f"/records/{number}/freeze").status_code == 302
    assert population.find(number).size == 3
    html = client.get(f"/records/{number}").content.decode()
    assert "3 in scope" in html
    assert "closed yet" in html
    again = client.post(f"/records/{number}/freeze")
    assert again.status_code == 422
    assert "never frozen again" in again.content.decode()
    listed = client.get(f"/records/{number}/population.tsv")
    assert listed.content.count(b"\n") == 3
    assert site.client("samir").post(f"/records/{number}/freeze").status_code == 404


def test_a_reply_needs_its_document_and_moves_only_listed_units(site: Site, fleet: Any) -> None:
    imported(site)
    client = site.client("ingrid")
    number = client.post("/new/field_action", {"title": "C", "f.advisory": "TEST-2026-1"})["Location"][9:]
    client.post(f"/records/{number}/freeze")
    told = {"serials": SERIALS[2], "outcome": "destroyed", "signed_by": "Ward 3", "signed_on": "2026-01-02"}
    assert client.post(f"/records/{number}/reply", told).status_code == 422
    stray = {**told, "serials": "T4-9", "document": SimpleUploadedFile("r.pdf", b"signed")}
    assert client.post(f"/records/{number}/reply", stray).status_code == 422
    good = {**told, "document": SimpleUploadedFile("r.pdf", b"signed")}
    assert client.post(f"/records/{number}/reply", good).status_code == 302
    assert population.counts(number, fleet.now).destroyed == 1


def test_the_ledger_names_the_record_of_an_entry_only_to_who_may_see_it(site: Site, fleet: Any) -> None:
    opened = site.client("marcus").post("/new/complaint", {"title": "Battery ended early"})
    number = opened["Location"].rsplit("/", 1)[1]
    publish.tick(datetime.now(UTC))
    assert number in site.client("nadia").get("/ledger").content.decode()
    assert number not in site.client("samir").get("/ledger").content.decode()


def test_the_ledger_shows_each_entry_with_a_proof_that_was_just_checked(site: Site, fleet: Any) -> None:
    site.client("marcus").post("/new/complaint", {"title": "Battery"})
    publish.tick(datetime.now(UTC))
    client = site.client("ingrid")
    assert client.get("/ledger").status_code == 200
    assert client.get("/ledger?log=fleet/0").status_code == 200
    assert client.get("/ledger?log=records&index=0")["Location"] == "/ledger/records/0"
    html = client.get("/ledger/records/0").content.decode()
    assert "In the log" in html
    assert "No witness has signed" in html
    proof = client.get("/ledger/records/0/proof")
    assert proof.content.startswith(b"c2sp.org/tlog-proof@v1\n")
    assert client.get("/log/records/checkpoint").content.startswith(b"test.fellside.example/records\n")
    assert site.client().get("/log/records/checkpoint").status_code == 200, "the logs are public"


def test_a_tile_that_was_altered_is_shown_as_such(site: Site, fleet: Any) -> None:
    publish.tick(datetime.now(UTC))
    bundle = next((Path(site.data) / "logs" / "records" / "tile" / "entries").rglob("*.p/*"))
    raw = bytearray(bundle.read_bytes())
    raw[40] ^= 1
    bundle.chmod(0o600)
    bundle.write_bytes(bytes(raw))
    answer = site.client("ingrid").get("/ledger")
    assert answer.status_code == 200
    assert "does not read as it should" in answer.content.decode()


def test_what_is_not_a_bundle_is_said_to_be_none(site: Site, fleet: Any) -> None:
    publish.tick(datetime.now(UTC))
    for body in (b"PK\x03\x04", b"not a zip", b"\x00" * 1000):
        upload = SimpleUploadedFile("b.zip", body)
        answer = site.client("ingrid").post("/ledger/verify", {"bundle": upload})
        assert answer.status_code == 422, body


def test_a_bundle_of_a_record_verifies_and_a_changed_byte_does_not(site: Site, fleet: Any) -> None:
    client = site.client("marcus")
    number = client.post("/new/complaint", {"title": "Battery", "f.unit": SERIALS[0]})["Location"][9:]
    made = client.post(f"/records/{number}/bundle")
    assert made["Content-Type"] == "application/zip"
    html = client.post(
        "/ledger/verify", {"bundle": SimpleUploadedFile("b.zip", made.content)}
    ).content.decode()
    assert "Genuine, partly on the operator" in html
    bad = bytearray(made.content)
    bad[len(bad) // 2] ^= 1
    answer = client.post("/ledger/verify", {"bundle": SimpleUploadedFile("b.zip", bytes(bad))})
    html = answer.content.decode()
    assert "Genuine" not in html


def test_what_of_an_advisory_could_not_be_looked_up_is_said(site: Site, fleet: Any) -> None:
    commits = {"ranges": [{"type": "GIT", "events": [{"introduced": "0"}]}]}
    for key, affected, sentence in (
        ("X-1", [*ADVISORY["affected"], commits], "1 product of the 2 that this advisory lists could not be looked up"),
        ("X-2", [commits, commits], "2 products of the 2 that this advisory lists could not be looked up"),
        ("X-3", [], "This advisory names no product, so nothing was looked up"),
    ):  # fmt: skip
        made = imported(site, json.dumps({**ADVISORY, "id": key, "affected": affected}).encode())
        html = site.client("ingrid").get(made["Location"]).content.decode()
        assert sentence in html
        assert "does not contain it" not in html
    whole = imported(site)
    assert "could not be looked up" not in site.client("ingrid").get(whole["Location"]).content.decode()


def test_the_import_page_names_every_format(site: Site) -> None:
    html = site.client("priya").get("/advisories/import").content.decode()
    assert "OSV, GHSA, CVE, NVD, RustSec or CSAF" in html
