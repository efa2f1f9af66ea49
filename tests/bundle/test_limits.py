"""Each limit of the verifier: at it a thing is read, one past it is refused with its place."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.bundle import checks, forge
from vouchsafe.bundle import verify
from vouchsafe.bundle.verify import Bad, Unreadable

GOOD = forge.forge()
FILES = forge.members(forge.Story())
NOTE = forge.Log("root", forge.ed_key("log root"), [b"x"]).note()
HEAD = b"c2sp.org/tlog-proof@v1\nindex 1\n"
HASH = base64.b64encode(bytes(32)) + b"\n"
LOG = f"log {forge.vkey('a.example/root', forge.ed_key('x'))}"


def archive(data: bytes) -> None:
    assert verify.read_container(data)[1] is None


def json_of(size: int) -> None:
    verify.read_json(b'"%s"' % (b"x" * (size - 2)), "x")


def leaf(size: int = 0, depth: int = 0) -> None:
    found = json.loads(FILES["export/leaf.json"])
    for _ in range(depth - 2):  # the leaf and its facts are two already
        found["facts"]["deep"] = [found["facts"]["deep"]] if "deep" in found["facts"] else [1]
    if size:
        found["facts"]["pad"] = ""
        found["facts"]["pad"] = "x" * (size - len(forge.canonical(found)))
    verify.read_leaf(forge.canonical(found), "x")


def note(lines: int) -> None:
    verify.read_note(NOTE + forge.note_line("a", forge.ed_key("a"), b"") * (lines - 1), "x")


def proof(size: int = 0, hashes: int = 0) -> None:
    rest = HASH * hashes + b"\n" + NOTE
    pad = b"x" * max(0, size - len(HEAD + rest) - 1)
    verify.read_proof(HEAD + HASH * hashes + b"\n" + (pad + b"\n" + NOTE if size else NOTE), "x")


def dsse(signatures: int) -> None:
    verify.read_envelope(forge.envelope("t", b"{}", [forge.ed_key("a")] * signatures), "x")


def policy(size: int = 0, groups: int = 0) -> None:
    lines = [LOG, "quorum none"]
    for n in range(groups):
        lines.append(f"witness w{n} {forge.vkey(f'w{n}', forge.ed_key(f'w{n}'), 4)}")
        lines.append(f"group g{n} any w{n}")
    text = "\n".join(lines)
    verify.read_policy((text + "\n#" + "x" * (size - len(text) - 2) if size else text).encode())


LIMITS: dict[str, tuple[Callable[[int], Any], str]] = {
    "MAX_NAME_CHARS": (lambda n: archive(forge.pack({"a" * n: b""})), "byte 30"),
    "MAX_JSON_BYTES": (json_of, "x"),
    "MAX_CBOR_DEPTH": (lambda n: verify.read_cbor(b"\x81" * n + b"\x00", "x"), "x byte 17"),
    "MAX_LEAF_BYTES": (lambda n: leaf(size=n), "x"),
    "MAX_FACTS_DEPTH": (lambda n: leaf(depth=n), "x"),
    "MAX_NOTE_LINES": (note, "x"),
    "MAX_PROOF_BYTES": (lambda n: proof(size=n), "x"),
    "MAX_PROOF_HASHES": (lambda n: proof(hashes=n), "x"),
    "MAX_DSSE_SIGNATURES": (dsse, "x signatures"),
    "MAX_POLICY_BYTES": (lambda n: policy(size=n), "policy"),
    "MAX_POLICY_GROUPS": (lambda n: policy(groups=n), "policy line 204"),
}
ELSEWHERE = {
    "MAX_BUNDLE_BYTES",
    "MAX_MEMBERS",
    "MAX_FINDINGS",
    "MAX_TILE_BYTES",
}  # below, and test_long_logs.py
NO_LIMIT = {"MAX_INTEGER"}  # the range of a number, tests/bundle/test_encodings.py


def test_every_limit_has_its_test() -> None:
    assert {n for n in vars(verify) if n.startswith("MAX_")} == {*LIMITS, *ELSEWHERE, *NO_LIMIT}


@pytest.mark.parametrize("name", LIMITS)
def test_what_is_at_its_limit_is_read_and_one_past_it_is_refused(name: str) -> None:
    make, place = LIMITS[name]
    limit = getattr(verify, name)
    make(limit)
    with pytest.raises((Bad, Unreadable)) as told:
        make(limit + 1)
    assert told.value.place == place


def test_a_bundle_of_most_bytes_and_members_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real limits are 512 MiB and 50,000; here they are those of a small bundle."""
    monkeypatch.setattr(verify, "MAX_BUNDLE_BYTES", len(GOOD))
    archive(GOOD)
    with pytest.raises(Unreadable) as told:
        archive(GOOD + b"\0")
    assert str(told.value) == f"bundle: expected at most {len(GOOD)} bytes, got {len(GOOD) + 1}"
    monkeypatch.setattr(verify, "MAX_MEMBERS", len(FILES))
    archive(GOOD)
    monkeypatch.setattr(verify, "MAX_MEMBERS", len(FILES) - 1)
    with pytest.raises(Unreadable) as told:
        archive(GOOD)
    last = next(at for at, what in forge.places(FILES) if what == f"local header of {list(FILES)[-1]}")
    assert told.value.place == f"byte {last}"


def test_50000_members_are_read() -> None:
    members = {f"{n:05d}": b"" for n in range(verify.MAX_MEMBERS)}
    assert verify.read_container(forge.pack(members)) == (members, None)


def test_the_writer_has_the_same_limits() -> None:
    from vouchsafe.bundle import container

    assert (container.MAX_BYTES, container.MAX_MEMBERS) == (verify.MAX_BUNDLE_BYTES, verify.MAX_MEMBERS)


def test_findings_are_shown_up_to_a_number_and_all_of_them_count(monkeypatch: pytest.MonkeyPatch) -> None:
    data = forge.relisted({**FILES, **{f"files/{n}": b"x" for n in range(200)}})
    result = checks.run(data)
    assert len(result.findings) == verify.MAX_FINDINGS
    monkeypatch.setattr(verify, "MAX_FINDINGS", 10_000)
    every = checks.run(data)
    assert 200 < len(every.findings) < 10_000
    assert every.verdicts == result.verdicts


def test_clocks_may_be_five_minutes_apart_and_no_more() -> None:
    at = json.loads(FILES["leaves/records/11.json"])["at"] + verify.SKEW_S * 1000
    for late, failing in ((0, set()), (1, {"temporal ordering"})):
        moment = verify.datetime.fromtimestamp((at + late) / 1000, verify.UTC)
        text = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{(at + late) % 1000:03d}Z"
        assert checks.failing(checks.of(forge.Story(signed_at=text))) == failing


def test_a_witness_may_be_five_minutes_slow_and_no_more() -> None:
    newest = json.loads(FILES["export/leaf.json"])["at"]
    slow = newest // 1000 - verify.SKEW_S
    assert newest % 1000 == 0
    assert checks.failing(checks.of(forge.Story(witness=True, witness_time=slow))) == set()
    late = checks.of(forge.Story(witness=True, witness_time=slow - 1))
    assert checks.first(late, "temporal ordering")[0] == "export/leaf.json at"
