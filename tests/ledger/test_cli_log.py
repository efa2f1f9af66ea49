"""`vouchsafe log` on logs of others at each size, on a long log of our own, and on checkpoints that contradict."""

import json
import os
import random
import shutil

import pytest
from click.testing import CliRunner

from tests.ledger.making import ORIGIN, SIGNER, write_log
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.log import log
from vouchsafe.ledger import audit, checkpoints, notes, policy, proofs, tree
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.reader import Reader

FOREIGN_KEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
FOREIGN = {"vectors/tessera-log": 8, "device-evidence/transparency-dev_tessera/testdata/log": 15}


def run(*args, stdin=None):
    """Exit code, standard output, and the one line that `main` would print on standard error."""
    result = CliRunner().invoke(log, [str(a) for a in args], input=stdin)
    if isinstance(result.exception, CommandError):
        assert "\n" not in str(result.exception)
        return result.exception.code, result.stdout_bytes, str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout_bytes, result.stderr


@pytest.mark.parametrize("folder", FOREIGN)
def test_a_foreign_log_is_checked_proved_and_compared_at_every_size(fixtures, folder, tmp_path):
    place = fixtures / folder
    for size in range(FOREIGN[folder] + 1):
        at = ("--vkey", FOREIGN_KEY, "--checkpoint", place / f"checkpoint.{size}")
        code, out, _ = run("fsck", place, *at, "--json")
        found = json.loads(out)
        assert (code, found["sound"], found["size"], found["hashed"]) == (0, True, size, size)
        assert (
            bytes.fromhex(found["root"])
            == checkpoints.open_checkpoint(
                (place / f"checkpoint.{size}").read_bytes(), [notes.parse_vkey(FOREIGN_KEY)]
            ).root
        )
        for index in range(size):
            code, out, _ = run("prove", place, index, *at, "-o", tmp_path / "proof")
            assert (code, out) == (0, b"")
            code, out, _ = run("check", tmp_path / "proof", "--vkey", FOREIGN_KEY, "--json")
            found = json.loads(out)
            assert (code, found["holds"], found["index"], found["size"]) == (0, True, index, size)
        code, _, err = run("prove", place, size, *at)
        assert (code, err.partition(":")[0]) == (2, "index")
        for old in range(size):
            files = (place / f"checkpoint.{old}", place / f"checkpoint.{size}")
            code, out, _ = run("consistency", *files, "--vkey", FOREIGN_KEY, "--log", place, "--json")
            assert (code, json.loads(out)["consistent"]) == (0, True)


def test_a_proof_of_the_foreign_log_that_was_changed_does_not_hold(fixtures, tmp_path):
    place = fixtures / "vectors/tessera-log"
    at = ("--checkpoint", place / "checkpoint.7")
    code, proof, _ = run("prove", place, 3, *at, "--vkey", FOREIGN_KEY)
    lines = proof.split(b"\n")
    for number, line in enumerate(lines):
        if len(line) < 2:
            continue
        for change in (line[:-2] + bytes([line[-2] ^ 1]) + line[-1:], b"", line + b"x"):
            changed = b"\n".join([*lines[:number], change, *lines[number + 1 :]])
            code, _, err = run("check", "-", "--vkey", FOREIGN_KEY, stdin=changed)
            assert code in (1, 2) and (code == 1 or "expected" in err), (number, change)
    assert run("check", "-", "--vkey", FOREIGN_KEY, stdin=proof)[0] == 0


def test_prove_prints_one_object(fixtures):
    place = fixtures / "vectors/tessera-log"
    code, out, _ = run(
        "prove", place, 2, "--checkpoint", place / "checkpoint.3", "--vkey", FOREIGN_KEY, "--json"
    )
    found = json.loads(out)
    assert (code, found["index"], found["size"], found["checkpoint"]) == (0, 2, 3, "verified")
    assert proofs.parse(found["proof"].encode()).extra == b"three"
    assert len(found["hashes"]) == 1
    code, _, err = run(
        "prove", place, 2, "--checkpoint", place / "checkpoint.3", "-o", place / "no" / "folder"
    )
    assert code == 2 and "expected a file that can be written" in err


# -- A log of 70,000 entries --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def long_log(tmp_path_factory):
    folder = tmp_path_factory.mktemp("long") / "log"
    return folder, *write_log(folder, 70_000)


def test_a_log_of_70000_entries_is_sound_with_its_chains(long_log):
    folder, vkey, origin = long_log
    code, out, _ = run("fsck", folder, "--vkey", vkey, "--leaves", "--json")
    found = json.loads(out)
    assert (code, found["origin"], found["size"], found["hashed"], found["sound"]) == (
        0,
        origin,
        70_000,
        70_000,
        True,
    )


def test_fifty_entries_and_sizes_of_the_long_log_are_proved(long_log):
    folder, vkey, _ = long_log
    reader = Reader(folder)
    checkpoint = reader.checkpoint(vkey)
    trust = policy.of_log(notes.parse_vkey(vkey))
    chance = random.Random(3)
    for index in [0, 255, 256, 65_535, 65_536, 69_999, *(chance.randrange(70_000) for _ in range(50))]:
        proof = proofs.parse(reader.prove(index).encode())
        assert proof.verify(tree.leaf_hash(reader.entry(index)), trust).checkpoint == checkpoint
    for _ in range(25):
        old, new = sorted(chance.sample(range(1, 70_001), 2))
        tree.verify_consistency(
            old, new, reader.consistency(old, new), reader.root_at(old), reader.root_at(new)
        )


def test_the_first_bad_path_of_the_long_log_is_named(long_log, tmp_path):
    folder, vkey, _ = long_log
    for name, byte, place in (
        ("tile/entries/100", 10, "tile/entries/100 entry 25600"),
        ("tile/0/100", 40, "tile/0/100 hash 1"),
        ("tile/1/001.p/17", 0, "tile/1/001.p/17 hash 0"),
        ("tile/entries/273.p/112", 3, "tile/entries/273.p/112 entry 69888"),
    ):
        copy = tmp_path / name.replace("/", "-")
        shutil.copytree(folder, copy)
        raw = bytearray((copy / name).read_bytes())
        raw[byte] ^= 1
        (copy / name).write_bytes(bytes(raw))
        code, out, _ = run("fsck", copy, "--vkey", vkey, "--json")
        assert (code, json.loads(out)["first_bad"]["place"]) == (1, place)
        (copy / name).unlink()
        code, out, _ = run("fsck", copy, "--vkey", vkey, "--json")
        assert (code, json.loads(out)["first_bad"]) == (
            1,
            {"place": name, "expected": "an object", "got": "none"},
        )
        shutil.rmtree(copy)


@pytest.mark.parametrize("name", ["checkpoint", "tile/entries/000.p/8", "tile/0/000.p/8"])
@pytest.mark.parametrize("odd", ["loop", "pipe"])
def test_an_odd_file_in_a_log_is_named(tmp_path, name, odd):
    vkey = write_log(tmp_path, 8)[0]
    (tmp_path / name).unlink()
    if odd == "loop":
        (tmp_path / name).symlink_to(tmp_path / name)
    else:
        os.mkfifo(tmp_path / name)
    code, out, err = run("fsck", tmp_path, "--vkey", vkey)
    assert code == (2 if name == "checkpoint" else 1)
    assert name.encode() in out + err.encode()


# -- Checkpoints against each other -------------------------------------------------------------------------------------


def signed(folder, name, size, root, origin=ORIGIN, signer=SIGNER):
    (folder / name).write_bytes(notes.sign(Checkpoint(origin, size, root).body, signer))
    return folder / name


@pytest.fixture(scope="module")
def sizes(long_log, tmp_path_factory):
    """Checkpoints of several sizes of the long log, also of such as no tile was made for."""
    folder = tmp_path_factory.mktemp("sizes")
    reader = Reader(long_log[0])
    reader.checkpoint(long_log[1])
    for size in (0, 1, 300, 65_536, 69_999, 70_000):
        signed(folder, str(size), size, reader.root_at(size))
    return folder


@pytest.mark.parametrize("old", [0, 1, 300, 65_536, 69_999, 70_000])
def test_kept_checkpoints_are_compared_with_the_log_and_with_each_other(long_log, sizes, old):
    place, vkey, _ = long_log
    for words in (
        (sizes / str(old), place),
        (place, sizes / str(old)),
        (sizes / str(old), sizes / "70000", "--log", place),
    ):
        code, out, err = run("consistency", *words, "--vkey", vkey, "--json")
        found = json.loads(out)
        assert (code, err) == (0, "")
        assert (found["consistent"], found["old_size"], found["new_size"], found["reason"]) == (
            True,
            old,
            70_000,
            None,
        )
        assert (
            found["checkpoints"] == "verified"
            and found["new_root"] == Reader(place).checkpoint(vkey).root.hex()
        )
    code, out, _ = run("consistency", sizes / str(old), sizes / "69999", "--log", place, "--vkey", vkey)
    assert (code, out[:10]) == (0, b"consistent")  # the tiles reach further than both


def test_a_fork_names_both_roots(long_log, sizes, tmp_path):
    place, vkey, _ = long_log
    other = signed(tmp_path, "other", 300, b"\x01" * 32)
    real = checkpoints.parse_body(notes.parse_note((sizes / "300").read_bytes()).unverified_text).root.hex()
    code, out, _ = run("consistency", other, place, "--vkey", vkey)
    assert code == 1 and out.startswith(
        b"NOT CONSISTENT  fork: root " + b"01" * 32 + b" of size 300 is signed"
    )
    assert real.encode() in out
    code, out, _ = run("consistency", other, sizes / "300", "--vkey", vkey, "--json")
    found = json.loads(out)
    assert code == 1 and found["consistent"] is False
    assert (
        found["reason"]
        == f"fork: two checkpoints of size 300: root {'01' * 32} in one, root {real} in the other"
    )
    empty = signed(tmp_path, "empty", 0, bytes(32))
    for later in (place, empty, sizes / "0"):
        code, out, _ = run("consistency", empty, later, "--vkey", vkey)
        assert code == 1 and b"size 0: expected root e3b0c442" in out


def test_without_a_key_the_answer_says_that_nothing_was_verified(fixtures, sizes, long_log, tmp_path):
    place = fixtures / "vectors/tessera-log"
    args = ("prove", place, 2, "--checkpoint", place / "checkpoint.3")
    code, proof, err = run(*args)
    assert (code, err) == (0, "checkpoint unverified: no --vkey given\n")
    assert run("check", "-", "--vkey", FOREIGN_KEY, stdin=proof)[0] == 0
    assert json.loads(run(*args, "--json")[1])["checkpoint"] == "unverified"
    two = (sizes / "300", sizes / "69999", "--log", long_log[0])
    code, out, _ = run("consistency", *two)
    assert code == 0 and out.endswith(b"continues size 300 (checkpoints unverified: no --vkey given)\n")
    assert json.loads(run("consistency", *two, "--json")[1])["checkpoints"] == "unverified"
    other = signed(tmp_path, "other", 300, b"\x01" * 32)
    out = run("consistency", other, long_log[0])[1]
    assert b"of size 300 is claimed, but" in out and out.endswith(
        b"(checkpoints unverified: no --vkey given)\n"
    )


def test_without_a_key_an_error_is_one_line_too(fixtures):
    place = fixtures / "vectors/tessera-log"
    args = ["prove", str(place), "3", "--checkpoint", str(place / "checkpoint.3")]
    result = CliRunner().invoke(log, args)
    assert str(result.exception) == "index: expected 0..2, got 3" and result.stderr == ""


def test_tiles_are_fetched_for_a_size_that_the_key_signed_and_no_other(tmp_path):
    """tlog-tiles.md: no partial tile without a verified checkpoint whose size requires it."""
    place = tmp_path / "log"
    vkey, _ = write_log(place, 300)
    reader = Reader(place)
    reader.checkpoint(vkey)
    files = [signed(tmp_path, str(size), size, reader.root_at(size)) for size in (1, 299)]
    words = ("consistency", *files, "--log", place, "--vkey", vkey)
    assert run(*words)[0] == 0  # by the log's newest checkpoint, of size 300
    signed(place, "checkpoint", 300, reader.root_at(300), signer=notes.Signer(ORIGIN, b"\x09" * 32))
    code, _, err = run(*words)
    assert (code, err) == (2, "tile/0/001.p/43: expected an object, got none")


def test_equal_checkpoints_need_no_tiles(sizes, long_log):
    code, out, _ = run("consistency", sizes / "300", sizes / "300", "--vkey", long_log[1])
    assert code == 0 and out == f"consistent: size 300 of {ORIGIN} continues size 300\n".encode()


def test_tiles_that_are_not_the_checkpoints_prove_no_fork(long_log, sizes, tmp_path):
    """Rotten or foreign tiles are told apart from two histories."""
    _, vkey, _ = long_log
    write_log(tmp_path / "short", 299)
    (tmp_path / "short/checkpoint").unlink()
    code, _, err = run("consistency", sizes / "1", sizes / "300", "--vkey", vkey, "--log", tmp_path / "short")
    assert code == 2 and err == "tile/0/001.p/44: expected an object, got none"
    shutil.copytree(long_log[0], tmp_path / "rotten")
    path = tmp_path / "rotten/tile/0/000"
    path.write_bytes(bytes(32) + path.read_bytes()[32:])
    code, _, err = run(
        "consistency", sizes / "1", sizes / "300", "--vkey", vkey, "--log", tmp_path / "rotten"
    )
    assert (
        code == 1
        and "does not hold: " in err
        and "tiles of size 1: expected those of the later checkpoint" in err
    )


def test_what_cannot_be_compared_is_2_and_a_strangers_signature_is_1(long_log, sizes, tmp_path):
    place, vkey, _ = long_log
    stranger = signed(tmp_path, "s", 300, bytes(32), signer=notes.Signer(ORIGIN, b"\x09" * 32))
    code, _, err = run("consistency", stranger, place, "--vkey", vkey)
    assert code == 1 and "expected a signature of a trusted key" in err
    code, _, err = run("consistency", sizes / "1", sizes / "300", "--vkey", vkey)
    assert code == 2 and err == "--log: expected the folder or URL of the tiles, got only checkpoint files"
    elsewhere = signed(
        tmp_path, "e", 5, bytes(32), "log.example/other", notes.Signer("log.example/other", b"\x0a" * 32)
    )
    code, _, err = run("consistency", elsewhere, place)
    assert code == 2 and err.endswith(f"expected a checkpoint of log.example/other, got {ORIGIN}")
    (tmp_path / "rubbish").write_bytes(b"rubbish\n")
    code, _, err = run("consistency", tmp_path / "rubbish", place, "--vkey", vkey)
    assert code == 2 and err.endswith(
        "rubbish: expected text, a blank line and signature lines, got no blank line"
    )
    assert run("consistency", tmp_path / "absent", place, "--vkey", vkey)[0] == 2


def test_a_signed_size_without_entries_is_found_at_once(tmp_path):
    """2^63-1 entries are claimed: the first object that is asked for is missing, and nothing loops."""
    (tmp_path / "log").mkdir()
    signed(tmp_path / "log", "checkpoint", 2**63 - 1, bytes(32))
    code, out, _ = run("fsck", tmp_path / "log", "--vkey", SIGNER.verifier.vkey, "--json")
    found = json.loads(out)
    assert (code, found["size"], found["hashed"], found["first_bad"]["place"]) == (
        1,
        2**63 - 1,
        0,
        "tile/entries/000",
    )
    code, _, err = run("prove", tmp_path / "log", 2**62, "--vkey", SIGNER.verifier.vkey)
    assert code == 2 and err.endswith("expected an object, got none")
    signed(tmp_path / "log", "checkpoint", 2**63 - 1, bytes(32))
    assert audit.fsck(Reader(tmp_path / "log"), SIGNER.verifier).is_sound is False


@pytest.mark.parametrize("command", ["fsck", "prove", "check", "consistency"])
def test_each_help_has_an_example(command):
    code, out, _ = run(command, "--help")
    assert code == 0 and b"Example: vouchsafe log " + command.encode() in out
