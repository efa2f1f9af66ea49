"""The product's own writer, held against the forge and the verifier, which share no code with it."""

import hashlib
import io
import json
import re
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle import checks, forge
from vouchsafe import bundle
from vouchsafe.bundle import BundleError, Draft, Entry, Proved, Range, container, page, verify, write
from vouchsafe.bundle.contents import Contents, Signed

pytest.importorskip("typst")  # part of the server's extra: only the server makes bundles

READING: dict[str, Any] = {
    "organisation": "Fellside Medical", "authority": forge.AUTHORITY, "number": "CMP-2026-0001",
    "title": "Bolus delivered during line change", "process": "Complaint", "state": "Closed", "site": "Kendal",
    "product": "Tarn 4", "owner": "Ingrid Solheim", "opened": "11 Jun 2026 17:26", "closed": "",
    "exported": "22 Nov 2026 02:00", "exported_by": "Tomasz Wieczorek",
    "sections": [
        {"kind": "text", "label": "What happened", "value": "It ran fast.\n<script>alert(1)</script> #evil[] *x* ${y}"},
        {"kind": "rows", "label": "Told", "columns": ["Who", "When"], "rows": [["Ward 3", "11 Jun 2026"]]},
    ],
    "signatures": [
        {"name": "Ingrid Solheim", "meaning": "I approve", "at": "15 Jun 2026 15:47", "role": "quality assurance",
         "method": "passkey", "version": 2, "reason": "Because", "seq": 3, "index": 10},
        {"name": "Marcus", "meaning": "I reviewed", "at": "15 Jun 2026 15:48", "role": "handler",
         "method": "password", "version": 2, "reason": "", "seq": 4, "index": -1},
    ],
    "trail": [
        {"seq": 0, "at": "11 Jun 2026 17:26", "who": "Amara", "what": "opened the record", "reason": "Told by phone", "from": "",
         "to": "", "version": 1, "index": 7, "changes": [{"label": "Harm", "before": "", "after": "none"}]},
        {"seq": 1, "at": "12 Jun 2026 17:26", "who": "the system", "what": "closed it", "reason": "", "from": "Open",
         "to": "Closed", "version": 2, "index": -1, "changes": []},
    ],
    "links": [{"relation": "leads to", "number": "CAPA-2026-0031", "title": "Debounce", "state": "Open"}],
    "files": [{"name": "ward \"1\".png", "sha256": "ab" * 32, "size": 12345, "by": "Marcus", "at": "15 Jun 2026 15:47"}],
    "devices": [
        {"serial": "T4-0311-88207", "udi_di": "05060912340019", "lot": "L1", "made": "", "site": "Ward", "key": "puf",
         "window": {"from": forge.T0, "to": forge.T0 + 36_000_000, "event": forge.T0 + 30_000_000},
         "lanes": [{"name": "Trust", "spans": [
             {"from": forge.T0, "to": forge.T0 + 9_000_000, "label": "affirming", "tone": "affirming"},
             {"from": forge.T0 + 9_000_000, "to": forge.T0 + 36_000_000, "label": "unknown", "tone": "none"}]}],
         "ticks": [forge.T0, forge.T0 + 9_000_000],
         "facts": [{"title": "Firmware 4.1.2", "detail": "Affirming", "index": 12}]},
    ],
}  # fmt: skip


def parts() -> tuple[Contents, forge.Log, list[Entry]]:
    """The contents of a record in a log of the forge's: opened, written, nobody signed."""
    log = forge.Log("records", forge.ed_key("log records"))
    log.append("record.event", "ff" * 16, b"not ours")
    bodies = {1: forge.canonical({"what": 1}), 2: forge.canonical({"what": 2, "text": "ü"})}
    person, photo = forge.TOMASZ, b"a photo"
    for seq, (kind, more) in enumerate(
        (("opened", {}), ("attached", {"file": hashlib.sha256(photo).hexdigest()}), ("written", {}))
    ):
        n = 1 if seq < 2 else 2
        line = {"by": person.uuid, "kind": kind, "number": "CMP-2026-0001", "seq": seq, "version": n, **more}
        line["sha256"] = hashlib.sha256(bodies[n]).hexdigest()
        log.append("record.event", forge.SUBJECT, forge.canonical(line), by=f"u:{person.pseudonym}")
    entries = [
        Entry("records", i, log.entries[i], (log.payloads[i][:32], log.payloads[i][32:])) for i in (1, 2, 3)
    ]
    contents = Contents(
        number="CMP-2026-0001", title="Bolus", process="complaint", state="closed", subject=forge.SUBJECT, reading=READING,
        entries=tuple(entries), ranges=(Range(forge.SUBJECT, "records", 0, 2, entries[-1].leaf_hash),), versions=bodies,
        files={hashlib.sha256(photo).hexdigest(): photo}, policies={"policy-root.txt": b"quorum none\n"},
    )  # fmt: skip
    return contents, log, entries


def finish(draft: Draft, log: forge.Log, entries: list[Entry], **more: Any) -> bytes:
    said = {"by": "", "number": "CMP-2026-0001", "seq": 3, "version": 2} | more
    said["sha256"] = hashlib.sha256(draft.contents.versions[2]).hexdigest()
    index = log.append("bundle.export", forge.SUBJECT, forge.canonical({**said, **draft.announcement()}))
    export = Entry("records", index, log.entries[index], (log.payloads[index][:32], log.payloads[index][32:]))
    return draft.assemble(export, proved(log, [*entries, export]))


def proved(log: forge.Log, entries: list[Entry]) -> list[Proved]:
    root, size = forge.Log("root", forge.ed_key("log root")), len(log.entries)
    facts = {"origin": log.origin, "size": size, "root": forge.tree_hash(log.entries).hex()}
    at = root.append("shard.checkpoint", "00" * 16, b"", **facts)
    second = root.proof(at, root.note())
    return [
        Proved("records", e.index, size, log.proof(e.index, log.note()), root.entries[at], second)
        for e in entries
    ]


def test_what_the_writer_writes_the_verifier_accepts_and_the_forge_packs_alike() -> None:
    contents, log, entries = parts()
    data = finish(Draft(contents), log, entries)
    result = checks.run(data)
    assert [f for f in result.findings if f.verdict != verify.WORD] == []
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    assert forge.pack(files) == data == container.pack(files)
    assert verify.read_container(data) == (files, None)
    assert forge.relisted(files) == data


def test_the_same_contents_give_the_same_bytes() -> None:
    one, two = (finish(Draft(contents), log, entries) for contents, log, entries in (parts(), parts()))
    assert one == two


@settings(max_examples=50, deadline=None)
@given(
    st.dictionaries(
        st.from_regex(verify.NAME, fullmatch=True).filter(lambda n: len(n) < 100),
        st.binary(max_size=200),
        min_size=1,
    )
)
def test_three_writers_of_the_container_agree(members: dict[str, bytes]) -> None:
    assert container.pack(members) == forge.pack(members)
    assert verify.read_container(forge.pack(members)) == (members, None)


def test_contents_that_contradict_each_other_are_refused_before_anything_is_logged() -> None:
    from dataclasses import replace

    contents, _, entries = parts()
    broken = replace(entries[1], opened=(b"\0" * 32, b"another"))
    cases = {
        "is not the one that was logged": replace(contents, entries=(entries[0], broken, entries[2])),
        "Entry 1 of subject": replace(contents, entries=(entries[0], entries[2])),
        "is not the head": replace(contents, ranges=(replace(contents.ranges[0], head=b"\0" * 32),)),
        "has other bytes than were attached": replace(contents, files={"ab" * 32: b"x"}),
    }
    for reason, bad in cases.items():
        with pytest.raises(BundleError, match=reason):
            Draft(bad)


def test_an_export_entry_of_another_bundle_is_refused() -> None:
    contents, log, entries = parts()
    draft = Draft(contents)
    index = log.append(
        "bundle.export", forge.SUBJECT, forge.canonical({**draft.announcement(), "manifest": "00" * 32})
    )
    opened = (log.payloads[index][:32], log.payloads[index][32:])
    export = Entry("records", index, log.entries[index], opened)
    with pytest.raises(BundleError, match="announces another bundle"):
        draft.assemble(export, proved(log, [*entries, export]))
    with pytest.raises(BundleError, match="has to be opened"):
        draft.assemble(Entry("records", index, log.entries[index]), [])


def test_an_entry_without_a_proof_is_refused() -> None:
    contents, log, entries = parts()
    with pytest.raises(BundleError, match="Entry 2 of records has no proof"):
        finish(Draft(contents), log, [entries[0], entries[2]])


def test_a_bundle_past_a_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "MAX_MEMBERS", 2)
    container.pack({"a": b"", "b": b""})
    with pytest.raises(BundleError, match="at most 2 files"):
        container.pack({"a": b"", "b": b"", "c": b""})
    monkeypatch.setattr(container, "MAX_BYTES", 10)
    container.pack({"a": b"x" * 10})
    with pytest.raises(BundleError, match="at most 10 bytes"):
        container.pack({"a": b"x" * 11})


def test_a_file_is_saved_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draft = Draft(parts()[0])
    assert draft.save(tmp_path / "new" / "a.zip", b"data") == hashlib.sha256(b"data").hexdigest()

    def full(self: Any, target: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        draft.save(tmp_path / "new" / "b.zip", b"data")
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["a.zip"]


def test_a_signature_without_an_answer_is_a_statement_alone() -> None:
    assert set(Signed(b"{}").files(4)) == {"signatures/4/statement.json"}
    assert len(Signed(b"{}", b"c", b"a", b"s").files(4)) == 4


class Tags(HTMLParser):
    """Collects tags and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "action", "style")]
        self.links += [name for name, _ in attrs if name.startswith("on")]
        self.ids += [value or "" for name, value in attrs if name == "id"]


def test_the_page_needs_nothing_and_runs_nothing() -> None:
    html = page.render(READING)
    found = Tags()
    found.feed(html)
    assert not {"script", "iframe", "img", "link", "object", "form", "base"} & set(found.tags)
    assert found.links == ["files/" + "ab" * 32]
    assert len(set(found.ids)) == len(found.ids)
    assert "&lt;script&gt;alert(1)" in html
    assert not re.search(r"url\(|@import|https?:", page.CSS)
    for said in (
        "Ingrid Solheim",
        "I approve",
        "password (the operator’s word)",
        "Told by phone",
        "CAPA-2026-0031",
        "T4-0311-88207",
    ):
        assert said in html


def test_text_that_could_lie_by_direction_is_made_visible() -> None:
    assert page.text("a\u202eb\x00<") == "a�b�&lt;"


def test_an_empty_record_has_a_page_too() -> None:
    bare = READING | {
        "sections": [],
        "signatures": [],
        "trail": [],
        "links": [],
        "files": [],
        "devices": [],
        "owner": "",
    }
    html = page.render(bare)
    assert "Nobody has signed this record" in html
    assert "Linked records" not in html


def test_the_pdf_is_the_same_each_time_and_takes_text_as_text() -> None:
    from vouchsafe.bundle import pdf

    one, two = pdf.render(READING), pdf.render(READING)
    assert one == two
    assert one.startswith(b"%PDF-1.")
    assert pdf.render(READING | {"title": "Another"}) != one


def test_data_that_typst_refuses_is_named() -> None:
    from vouchsafe.bundle import pdf

    with pytest.raises(BundleError, match="PDF could not be set"):
        pdf.render({key: value for key, value in READING.items() if key != "number"})


def test_the_listing_is_canonical() -> None:
    listing = write.listing({"b": b"2", "a": b"1"})
    assert json.dumps(json.loads(listing), sort_keys=True, separators=(",", ":")).encode() == listing
    assert [row["path"] for row in json.loads(listing)["files"]] == ["a", "b"]


def test_the_package_says_what_it_offers() -> None:
    assert set(bundle.__all__) == {"BundleError", "Contents", "Draft", "Entry", "Proved", "Range"}
