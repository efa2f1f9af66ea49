"""What is done on a record's page: opening, writing, clashing, signing, voiding, files."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from tests.web.conftest import PASSWORD, Site
from vouchsafe.kernel import acts, queries


def opened(site: Site, by: str = "marcus", process: str = "complaint", **fields: str) -> str:
    answer = site.client(by).post(f"/new/{process}", {"title": "Bolus on line change", **fields})
    assert answer.status_code == 302, answer.content.decode()
    return str(answer["Location"]).rsplit("/", 1)[1]


def view(site: Site, number: str, by: str = "marcus") -> Any:
    return queries.record(number, site.who[by], now=datetime.now(UTC))


def test_a_record_is_opened_with_what_was_typed(site: Site) -> None:
    number = opened(site, **{"f.summary": "The pump ran fast.", "f.aware_at": "2026-11-02T10:30"})
    content = view(site, number).content
    assert content.summary == "The pump ran fast."
    assert content.aware_at == datetime(2026, 11, 2, 10, 30, tzinfo=UTC)


def test_a_record_needs_a_title(site: Site) -> None:
    answer = site.client("marcus").post("/new/complaint", {"title": " ", "f.summary": "kept"})
    assert answer.status_code == 422
    assert "kept" in answer.content.decode()


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("f.aware_at", "tomorrow", "is not a time"),
        ("f.channel", "pigeon", "Choose one of the list"),
        ("f.unit", "T4-9999-00000", "No device with serial"),
        ("f.unit", "x" * 500, "at most 400"),
    ],
)
def test_a_value_that_cannot_be_read_comes_back_beside_its_reason(
    site: Site, field: str, value: str, says: str
) -> None:
    answer = site.client("marcus").post(
        "/new/complaint", {"title": "T", field: value, "f.summary": "not lost"}
    )
    html = answer.content.decode()
    assert answer.status_code == 422
    assert says in html
    assert "not lost" in html
    assert queries.counts(site.who["marcus"], now=datetime.now(UTC))["complaint"].total == 0


def test_typed_text_saves_itself_as_a_draft_and_changes_nothing(site: Site) -> None:
    number = opened(site)
    client = site.client("marcus")
    answer = client.post(
        f"/records/{number}/draft",
        {"seen": "0", "f.summary": "half a sent"},
        headers={"X-Requested-With": "draft"},
    )
    assert answer.status_code == 200
    assert "Draft saved" in answer.json()["says"]
    assert view(site, number).content.summary is None
    assert "half a sent" in client.get(f"/records/{number}").content.decode()


def test_two_people_on_one_record_the_second_is_told_and_loses_nothing(site: Site) -> None:
    number = opened(site)
    seen = str(view(site, number).revision)
    first = site.client("marcus").post(
        f"/records/{number}/do", {"do": "write", "seen": seen, "f.summary": "Marcus was first."}
    )
    assert first.status_code == 302
    second = site.client("nadia").post(
        f"/records/{number}/do", {"do": "write", "seen": seen, "f.summary": "Nadia was second."}
    )
    html = second.content.decode()
    assert second.status_code == 409
    assert "Marcus was first." in html
    assert "Nadia was second." in html
    assert view(site, number).content.summary == "Marcus was first."
    assert "Nadia was second." in site.client("nadia").get(f"/records/{number}").content.decode()


def test_text_is_kept_even_when_the_record_has_moved_where_it_may_not_be_written(site: Site) -> None:
    number = ready(site)
    seen = str(view(site, number).revision)
    assert register(site, number, by="password", password=PASSWORD).status_code == 302
    late = site.client("nadia").post(
        f"/records/{number}/do", {"do": "write", "seen": seen, "f.words": "Typed before it was registered."}
    )
    assert late.status_code == 409
    assert "Typed before it was registered." in late.content.decode()
    assert acts.draft_of(number, site.who["nadia"]).changes["words"] == "Typed before it was registered."


@pytest.mark.parametrize("seen", ["", "x", "-1", "9" * 40])
def test_a_form_that_does_not_say_what_it_saw_is_refused(site: Site, seen: str) -> None:
    number = opened(site)
    answer = site.client("marcus").post(
        f"/records/{number}/do", {"do": "write", "seen": seen, "f.summary": "x"}
    )
    assert answer.status_code == 422
    assert view(site, number).content.summary is None


def test_a_step_that_is_not_open_says_what_is_missing(site: Site) -> None:
    number = opened(site)
    answer = site.client("marcus").post(f"/records/{number}/do", {"do": "step:close", "seen": "0"})
    assert answer.status_code == 422
    assert "while" in answer.content.decode()


READY = {
    "f.summary": "The pump ran fast during a line change.",
    "f.received_by": "Marcus, complaint handling",
    "f.channel": "telephone",
    "f.words": "During the line change the pump ran very fast and then alarmed.",
    "f.language": "en",
    "f.written_down": "Marcus wrote it down during the call.",
}


def ready(site: Site) -> str:
    aware = (datetime.now(UTC) - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M")
    return opened(site, **READY, **{"f.aware_at": aware})


def register(site: Site, number: str, **more: str) -> Any:
    step = next(s for s in view(site, number).steps if s.step == "register")
    slot = next(s for s in step.signatures if s.mine)
    data = {"seen": str(view(site, number).revision), "slot": f"{slot.meaning}|{slot.role}", **more}
    return site.client("marcus").post(f"/records/{number}/sign/register", data)


def test_a_password_signature_moves_the_record_and_stands_on_the_page(site: Site) -> None:
    number = ready(site)
    answer = register(site, number, by="password", password=PASSWORD)
    assert answer.status_code == 302, answer.content.decode()
    assert view(site, number).state == "registered"
    html = site.client("ingrid").get(f"/records/{number}").content.decode()
    assert "I registered this complaint" in html
    assert "password, on this server" in html


def test_a_wrong_password_signs_nothing_and_says_so_in_the_dialog(site: Site) -> None:
    number = ready(site)
    answer = register(site, number, by="password", password="wrong-wrong-wrong")
    assert answer.status_code == 422
    assert "The password is wrong" in answer.content.decode()
    assert view(site, number).state == "received"
    assert view(site, number).signatures == ()


def test_a_signature_without_a_meaning_is_refused(site: Site) -> None:
    number = ready(site)
    answer = site.client("marcus").post(
        f"/records/{number}/sign/register", {"seen": "0", "by": "password", "password": PASSWORD}
    )
    assert answer.status_code == 422
    assert "Choose what your signature means" in answer.content.decode()


def test_without_a_passkey_the_ceremony_says_what_to_do(site: Site) -> None:
    number = ready(site)
    step = next(s for s in view(site, number).steps if s.step == "register")
    slot = next(s for s in step.signatures if s.mine)
    answer = site.client("marcus").post(
        f"/records/{number}/sign/register/begin",
        {"seen": str(view(site, number).revision), "slot": f"{slot.meaning}|{slot.role}"},
        headers={"Accept": "application/json"},
    )
    assert answer.status_code == 422
    assert "no passkey" in answer.json()["says"]


def test_a_made_up_ceremony_signs_nothing(site: Site) -> None:
    number = ready(site)
    answer = register(site, number, ceremony="0" * 36, assertion=json.dumps({"rawId": "AA"}))
    assert answer.status_code in (404, 422)
    assert view(site, number).signatures == ()


def test_a_step_that_is_not_mine_says_who_can(site: Site) -> None:
    number = ready(site)
    html = site.client("ingrid").get(f"/records/{number}?step=register").content.decode()
    assert "Only the complaint handler may take this step: Marcus or Nadia." in html
    assert 'aria-disabled="true"' in html


def test_void_takes_two_persons_and_a_reason(site: Site) -> None:
    number = opened(site, by="ingrid")

    def ask(name: str, reason: str) -> Any:
        seen = str(view(site, number, "ingrid").revision)
        return site.client(name).post(f"/records/{number}/void", {"seen": seen, "reason": reason})

    assert ask("ingrid", "no").status_code == 422
    assert ask("ingrid", "Entered twice: the same call as the one before.").status_code == 302
    assert not view(site, number, "ingrid").void
    assert ask("ingrid", "Entered twice: the same call as the one before.").status_code == 422
    assert ask("henrik", "I compared both: it is the same call.").status_code == 302
    assert view(site, number, "ingrid").void
    assert "This record is void" in site.client("ingrid").get(f"/records/{number}").content.decode()


def test_a_file_comes_back_as_a_download_that_cannot_run(site: Site) -> None:
    number = opened(site)
    body = b"<script>alert(1)</script>"
    upload = SimpleUploadedFile("evil.html", body, content_type="text/html")
    client = site.client("marcus")
    assert client.post(f"/records/{number}/files", {"file": upload}).status_code == 302
    kept = view(site, number).files[0]
    answer = client.get(f"/records/{number}/files/{kept.sha256}")
    assert answer.content == body
    assert answer["Content-Type"] == "application/octet-stream"
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    assert client.get(f"/records/{number}/files/{'0' * 64}").status_code == 404


def test_a_link_to_what_does_not_exist_is_refused(site: Site) -> None:
    number = opened(site)
    answer = site.client("marcus").post(
        f"/records/{number}/link", {"relation": "similar_to", "target": "CMP-2099-0001"}
    )
    assert answer.status_code == 404


def test_what_is_typed_is_text_and_never_markup(site: Site) -> None:
    number = opened(site, **{"f.summary": "<img src=x onerror=alert(1)>"})
    html = site.client("marcus").get(f"/records/{number}").content.decode()
    assert "<img src=x" not in html
    assert "&lt;img src=x" in html


def test_the_signed_bytes_can_be_downloaded_as_they_are(site: Site) -> None:
    number = opened(site)
    answer = site.client("marcus").get(f"/records/{number}/version.json")
    assert answer.content == view(site, number).body


def test_a_draft_can_be_thrown_away(site: Site) -> None:
    number = opened(site)
    acts.save_draft(
        number, by=site.who["marcus"], at=datetime.now(UTC), seen=0, changes={"summary": "no longer wanted"}
    )
    client = site.client("marcus")
    assert client.post(f"/records/{number}/draft/drop").status_code == 302
    assert "no longer wanted" not in client.get(f"/records/{number}").content.decode()


def test_lists_filter_by_address_and_keep_their_filters(site: Site) -> None:
    opened(site)
    site.client("marcus").post("/new/complaint", {"title": "Door latch does not close"})
    client = site.client("ingrid")
    html = client.get("/list/complaint?q=latch").content.decode()
    assert "Door latch" in html
    assert "Bolus" not in html
    assert "q=latch" in html
    part = client.get("/list/complaint?q=latch", headers={"HX-Target": "listing"}).content.decode()
    assert "<html" not in part
    assert client.get("/list/nonsense").status_code == 404
    assert client.get("/list/complaint?page=99999999&view=%00&q=%27%22").status_code == 200
