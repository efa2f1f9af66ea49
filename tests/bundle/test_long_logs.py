"""Logs of 70,000 entries: a bundle whose leaves lie far apart in one, and one that is read whole from its bytes."""

import base64
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.bundle import checks, forge
from tests.ledger import making
from vouchsafe.bundle import verify
from vouchsafe.bundle.verify import Bad

SIZE = 70_000
OURS = (0, 255, 256, 65_535, 65_536, 69_632, 69_999)  # ends and beginnings of tiles of each level
FOREIGN = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


# -- A bundle from a long log


@pytest.fixture(scope="module")
def spread() -> dict[str, bytes]:
    """A record whose entries stand at tile boundaries, and the export entry after them."""
    records = forge.Log("records", forge.ed_key("log records"))
    body = forge.canonical({"n": 1})
    files = {"record/versions/1.json": body}
    line = {"number": "CMP-2026-0001", "version": 1, "sha256": forge.sha(body).hex(), "by": ""}
    for index in range(SIZE):
        if index in OURS:
            seq = OURS.index(index)
            records.append("record.event", forge.SUBJECT, forge.canonical({**line, "seq": seq}))
            files[f"leaves/records/{index}.json"] = records.entries[index]
            files[f"evidence/records/{index}.bin"] = records.payloads[index]
        else:
            records.entries.append(b"somebody else's entry %d" % index)
    about = {
        "format": "vouchsafe-bundle/1",
        "number": "CMP-2026-0001",
        "subject": forge.SUBJECT,
        "title": "Far apart",
    }
    files["contents.json"] = forge.canonical(about)
    sums = "".join(f"{forge.sha(files[name]).hex()}  {name}\n" for name in sorted(files)).encode()
    files["SHA256SUMS"] = sums
    head = forge.sha(b"\0" + records.entries[OURS[-1]]).hex()
    announced = {**line, "seq": len(OURS), "manifest": forge.sha(sums).hex(), "subject": forge.SUBJECT}
    announced["ranges"] = [
        {"first": 0, "last": len(OURS) - 1, "head": head, "log": "records", "subject": forge.SUBJECT}
    ]
    records.append("bundle.export", forge.SUBJECT, forge.canonical(announced))
    logs = {"records": records, "root": forge.Log("root", forge.ed_key("log root"))}
    logs["fleet/0"] = forge.Log("fleet/0", forge.ed_key("log fleet/0"))
    forge.seal_logs(forge.Story(), logs, files, [(records, index) for index in (*OURS, SIZE)])
    files["export/leaf.json"], files["export/payload.bin"] = records.entries[SIZE], records.payloads[SIZE]
    files["export/leaf.tlog-proof"] = files.pop(f"proofs/records/{SIZE}.tlog-proof")
    return files


def test_a_bundle_from_a_log_of_70000_entries_verifies(spread: dict[str, bytes]) -> None:
    result = checks.run(
        forge.relisted(spread), allow=("completeness", "temporal ordering", "non-repudiation")
    )
    assert [f for f in result.findings if f.verdict != verify.WORD] == []
    assert (result.exit_code, result.checked["V2"]) == (0, len(OURS) + 1)


def test_each_flipped_hash_of_each_proof_is_named(spread: dict[str, bytes]) -> None:
    flipped = 0
    for path in [n for n in spread if n.endswith(".tlog-proof")]:
        head, blank, note = spread[path].partition(b"\n\n")
        lines = head.split(b"\n")
        for n, line in enumerate(lines[2:], 2):
            raw = bytearray(base64.b64decode(line))
            raw[n] ^= 1
            changed = [*lines[:n], base64.b64encode(bytes(raw)), *lines[n + 1 :]]
            files = {**spread, path: b"\n".join(changed) + blank + note}
            result = checks.run(forge.relisted(files))
            place, reason = checks.first(result, "integrity")
            assert place == path
            assert reason.startswith("does not lead from ")
            flipped += 1
    assert flipped >= len(OURS) * 15


def test_two_roots_at_one_size_do_not_share_their_second_step(spread: dict[str, bytes]) -> None:
    """An operator who signs another tree of the same size: the root log holds only one of the two."""
    other = forge.Log("records", forge.ed_key("log records"))
    other.entries = [b"another history"] * (SIZE + 1)
    other.entries[0] = spread["leaves/records/0.json"]
    files = {**spread, "proofs/records/0.tlog-proof": other.proof(0, other.note())}
    result = checks.run(forge.relisted(files))
    assert checks.first(result, "integrity") == (
        f"root/records/{SIZE + 1}.json",
        f"is not the entry for {records_origin()} at size {SIZE + 1}",
    )


def records_origin() -> str:
    return f"{forge.AUTHORITY}/records"


# -- A log from its bytes


@pytest.fixture(scope="module")
def long_log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("log")
    return folder, making.write_log(folder, SIZE)[0]


def report(folder: Path, vkey: str) -> dict[str, Any]:
    return verify.log_report(str(folder), vkey)


def test_a_log_of_70000_entries_is_read_from_its_bytes(
    long_log: tuple[Path, str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, vkey = long_log
    assert verify.main(["--log", str(folder), "--vkey", vkey, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    lines = (folder / "checkpoint").read_text().split("\n")
    assert (found["log"], found["size"]) == (lines[0], SIZE)
    assert found["root"] == base64.b64decode(lines[2]).hex()


BOUNDARIES = [
    "tile/entries/000", "tile/entries/001", "tile/entries/255", "tile/entries/256", "tile/entries/273.p/112",
    "tile/0/000", "tile/0/255", "tile/0/256", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1",
]  # fmt: skip


@pytest.mark.parametrize("name", BOUNDARIES)
def test_a_flipped_byte_in_any_file_of_a_log_names_the_file(long_log: tuple[Path, str], name: str) -> None:
    folder, vkey = long_log
    good = (folder / name).read_bytes()
    assert good
    try:
        for at in {0, 33 if len(good) > 33 else 1, len(good) - 1}:
            bad = bytearray(good)
            bad[at] ^= 0x01
            (folder / name).write_bytes(bad)
            found = report(folder, vkey)
            assert (found["exit"], found["place"].split(" ")[0]) == (1, name), at
            if not name.startswith("tile/entries"):
                assert found["place"] == f"{name} hash {at // 32}"
        (folder / name).write_bytes(good[:-1])
        assert report(folder, vkey)["place"].split(" ")[0] == name
        (folder / name).unlink()
        assert report(folder, vkey)["place"] == name
    finally:
        (folder / name).write_bytes(good)


def test_a_flipped_bit_in_an_entry_names_the_entry(long_log: tuple[Path, str]) -> None:
    folder, vkey = long_log
    path = folder / "tile/entries/256"
    good = path.read_bytes()
    bad = bytearray(good)
    at = 0
    for _ in range(200):
        at += 2 + int.from_bytes(good[at : at + 2], "big")
    bad[at + 5] ^= 0x10
    try:
        path.write_bytes(bad)
        found = report(folder, vkey)
    finally:
        path.write_bytes(good)
    assert (found["place"], found["reason"]) == (
        "tile/entries/256 entry 200",
        "is not in the tree that the checkpoint signs",
    )


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 511, 512, 513])
def test_logs_of_small_sizes_are_read(size: int, tmp_path: Path) -> None:
    found = report(tmp_path, making.write_log(tmp_path, size)[0])
    assert (found["exit"], found["size"]) == (0, size)


def test_partial_files_that_have_gone_are_read_from_the_full_ones(tmp_path: Path) -> None:
    """C2SP tlog-tiles: once the full tile is there, the partial one may go; an older checkpoint needs its beginning."""
    vkey = making.write_log(tmp_path / "long", 600)[0]
    shutil.copytree(tmp_path / "long/tile", tmp_path / "old/tile")
    making.write_log(tmp_path / "short", 300)
    shutil.copy(tmp_path / "short/checkpoint", tmp_path / "old/checkpoint")
    # the tiles of level 1 have no full ones yet, so their partial ones stay
    shutil.copytree(tmp_path / "short/tile/1", tmp_path / "old/tile/1", dirs_exist_ok=True)
    folder = tmp_path / "old"
    assert not (folder / "tile/0/001.p").exists() and not (folder / "tile/entries/001.p").exists()
    assert (report(folder, vkey)["exit"], report(folder, vkey)["size"]) == (0, 300)
    for name, at, place in (
        ("tile/0/001", 43 * 32, "tile/0/001 hash 43"),
        ("tile/entries/001", 20, "tile/entries/001 entry 0"),
    ):
        good = (folder / name).read_bytes()
        (folder / name).write_bytes(good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :])
        assert report(folder, vkey)["place"] == place
        (folder / name).write_bytes(good[:-1])
        assert report(folder, vkey)["exit"] == (0 if name == "tile/0/001" else 1)
        (folder / name).unlink()
        assert report(folder, vkey)["place"] == f"{name}.p/44"
        (folder / name).write_bytes(good)


def test_an_altered_or_strangely_signed_checkpoint_is_named(tmp_path: Path) -> None:
    vkey = making.write_log(tmp_path, 300)[0]
    good = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(good.replace(b"\n300\n", b"\n299\n"))
    assert report(tmp_path, vkey)["place"] == "checkpoint"
    (tmp_path / "checkpoint").write_bytes(good)
    other = forge.vkey(making.ORIGIN, forge.ed_key("somebody"))
    assert "no log key of the policy" in report(tmp_path, other)["reason"]
    signer = forge.ed_key("signer")
    text = f"{making.ORIGIN}\n300\n{base64.b64encode(bytes(32)).decode()}\n".encode()
    (tmp_path / "checkpoint").write_bytes(text + b"\n" + forge.note_line(making.ORIGIN, signer, text))
    found = report(tmp_path, forge.vkey(making.ORIGIN, signer))
    assert (found["place"], found["reason"]) == ("checkpoint", "its root is not that of the entries")


def test_a_log_with_extension_lines_that_signs_as_a_cosigner_is_read(tmp_path: Path) -> None:
    """tlog-checkpoint.md: extension lines are optional, and a log may use any signature type."""
    making.write_log(tmp_path, 300)
    signer = forge.ed_key("signer")
    text = (tmp_path / "checkpoint").read_bytes().partition(b"\n\n")[0] + b"\nextension\n"
    (tmp_path / "checkpoint").write_bytes(text + b"\n" + forge.note_line(making.ORIGIN, signer, text))
    assert report(tmp_path, forge.vkey(making.ORIGIN, signer))["exit"] == 0
    (tmp_path / "checkpoint").write_bytes(
        text + b"\n" + forge.cosignature_line(making.ORIGIN, signer, text, 7)
    )
    assert report(tmp_path, forge.vkey(making.ORIGIN, signer, 4))["exit"] == 0


def test_what_is_no_log_or_no_key_is_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vkey = making.write_log(tmp_path / "log", 3)[0]
    assert verify.main(["--log", str(tmp_path), "--vkey", vkey]) == 2
    assert verify.main(["--log", str(tmp_path / "log"), "--vkey", "x"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    p256 = verify.Key("a", 2, bytes(91))
    spelled = f"a+{p256.id.hex()}+{base64.b64encode(bytes([2]) + p256.public).decode()}"
    assert verify.main(["--log", str(tmp_path / "log"), "--vkey", spelled]) == 2
    assert capsys.readouterr().err == "--vkey: expected a key of type 1 or 4, got type 2\n"
    assert verify.main(["--log", str(tmp_path / "log"), "--vkey", vkey]) == 0
    assert capsys.readouterr().out.endswith("exit: 0\n")
    (tmp_path / "log/tile/entries/000.p/3").unlink()
    assert verify.main(["--log", str(tmp_path / "log"), "--vkey", vkey]) == 1
    for wrong in ([], ["x.zip", "--log", str(tmp_path)]):
        with pytest.raises(SystemExit) as stopped:
            verify.main(wrong)
        assert stopped.value.code == 2


def test_a_pipe_in_a_log_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    vkey = making.write_log(tmp_path, 3)[0]
    (tmp_path / "tile/0/000.p/3").unlink()
    os.mkfifo(tmp_path / "tile/0/000.p/3")
    assert verify.main(["--log", str(tmp_path), "--vkey", vkey]) == 1
    assert "tile/0/000.p/3" in capsys.readouterr().out
    (tmp_path / "checkpoint").unlink()
    os.mkfifo(tmp_path / "checkpoint")
    assert verify.main(["--log", str(tmp_path), "--vkey", vkey]) == 2


def test_a_file_is_read_up_to_the_largest_bundle_of_entries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    vkey = making.write_log(tmp_path, 3)[0]
    largest = max(p.stat().st_size for p in tmp_path.rglob("*") if p.is_file())
    monkeypatch.setattr(verify, "MAX_TILE_BYTES", largest)
    assert report(tmp_path, vkey)["exit"] == 0
    monkeypatch.setattr(verify, "MAX_TILE_BYTES", largest - 1)
    assert report(tmp_path, vkey) | {"reason": ""} == {
        "log": making.ORIGIN, "place": "tile/entries/000.p/3", "reason": "", "exit": 1,
    }  # fmt: skip


def from_folder(folder: Path, checkpoint: str) -> Callable[[str], bytes]:
    def read(name: str) -> bytes:
        return (folder / (checkpoint if name == "checkpoint" else name)).read_bytes()

    return read


@pytest.mark.parametrize(
    "where", ["vectors/tessera-log", "device-evidence/transparency-dev_tessera/testdata/log"]
)
def test_a_foreign_log_is_read_at_each_of_its_sizes(fixtures: Path, where: str) -> None:
    folder, key, sizes = fixtures / where, verify.read_vkey(FOREIGN, "key"), []
    for checkpoint in folder.glob("checkpoint.*"):
        top = verify.check_log(from_folder(folder, checkpoint.name), key)
        assert str(top.size) == checkpoint.suffix[1:]
        sizes.append(top.size)
    assert sorted(sizes) == list(range(len(sizes)))
    assert len(sizes) >= 9


def test_one_flipped_byte_anywhere_in_a_foreign_log_is_named(fixtures: Path, tmp_path: Path) -> None:
    home = fixtures / "vectors/tessera-log"
    shutil.copy(home / "checkpoint.8", tmp_path / "checkpoint")
    for name in ("tile/0/000.p/8", "tile/entries/000.p/8"):
        (tmp_path / name).parent.mkdir(parents=True)
        shutil.copy(home / name, tmp_path / name)
    for path in sorted(p for p in tmp_path.rglob("*") if p.is_file()):
        good, name = path.read_bytes(), str(path.relative_to(tmp_path))
        for at in range(len(good)):
            path.write_bytes(good[:at] + bytes([good[at] ^ 0x02]) + good[at + 1 :])
            found = report(tmp_path, FOREIGN)
            assert (found["exit"], found["place"].split(" ")[0]) == (1, name), at
        path.write_bytes(good)
    assert report(tmp_path, FOREIGN)["exit"] == 0


@pytest.mark.parametrize(
    ("data", "width", "place"),
    [
        (b"", 1, "x entry 0"),
        (b"\0", 1, "x entry 0"),
        (b"\0\2a", 1, "x entry 0"),
        (b"\0\1a\0\1", 2, "x entry 1"),
        (b"\0\1a\0", 1, "x byte 3"),
    ],
)
def test_entries_that_are_cut_or_too_many_are_placed(data: bytes, width: int, place: str) -> None:
    with pytest.raises(Bad) as told:
        verify.read_entries(data, width, "x")
    assert told.value.place == place


def test_tiles_are_named_as_the_specification_names_them() -> None:
    assert verify.tile_path("entries", 1_234_067, 256) == "tile/entries/x001/x234/067"
    assert verify.tile_path("0", 0, 1) == "tile/0/000.p/1"
    assert verify.tile_path("2", 1000, 255) == "tile/2/x001/000.p/255"
