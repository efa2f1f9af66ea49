"""`vouchsafe log`: what it prints, and 0, 1 or 2."""

import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from tests.ledger.test_log import ORIGIN, SIGNER, World, pending
from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.log import log
from vouchsafe.ledger import notes
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.stores import FolderStore

VKEY = SIGNER.verifier.vkey
OTHER = notes.Signer(ORIGIN, b"2" * 32).verifier.vkey


@pytest.fixture
def place(tmp_path):
    world = World(public=FolderStore(tmp_path / "log"))
    writer = world.started()
    writer.append([pending(n) for n in range(300)], at_ms=1)
    (tmp_path / "old").write_bytes(writer.checkpoint(at_ms=1).note)
    writer.append([pending(n) for n in range(5)], at_ms=2)
    (tmp_path / "new").write_bytes(writer.checkpoint(at_ms=2).note)
    return tmp_path / "log"


def run(*args, stdin=None):
    """Exit code, standard output, and what `main` would print on standard error."""
    result = CliRunner().invoke(log, [str(a) for a in args], input=stdin)
    if isinstance(result.exception, CommandError):
        return result.exception.code, result.stdout_bytes, str(result.exception)
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout_bytes, result.stderr


def test_fsck_of_a_sound_log(place):
    code, out, err = run("fsck", place, "--vkey", VKEY, "--leaves")
    assert code == 0 and b"sound" in out and b"305 entries" in out and err == ""
    code, out, _ = run("fsck", place, "--vkey", OTHER, "--vkey", VKEY, "--json")
    value = json.loads(out)
    assert (code, value["sound"], value["size"], value["hashed"], value["first_bad"]) == (
        0,
        True,
        305,
        305,
        None,
    )


def test_fsck_names_the_first_bad_place(place):
    path = place / "tile/entries/000"
    raw = bytearray(path.read_bytes())
    raw[40] ^= 1
    path.write_bytes(bytes(raw))
    code, out, _ = run("fsck", place, "--vkey", VKEY)
    assert code == 1 and b"NOT SOUND  tile/entries/000 entry 0: expected leaf hash" in out
    code, out, _ = run("fsck", place, "--vkey", VKEY, "--json")
    assert code == 1 and json.loads(out)["first_bad"]["place"] == "tile/entries/000 entry 0"


def test_fsck_with_another_key_does_not_hold(place):
    code, out, err = run("fsck", place, "--vkey", OTHER)
    assert code == 1 and out == b"" and err.startswith("does not hold: checkpoint: expected a signature")


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda p: shutil.rmtree(p), "expected a folder with a log, or a URL, got neither"),
        (lambda p: (p / "checkpoint").unlink(), "checkpoint: expected an object, got none"),
        (lambda p: (p / "checkpoint").write_bytes(b""), "checkpoint: expected a newline at the end, got ''"),
        (
            lambda p: (p / "checkpoint").write_bytes(b"x" * 1_000_001),
            "checkpoint: expected at most 1000000 bytes",
        ),
    ],
)
def test_what_cannot_be_read_is_one_line_and_2(place, spoil, message):
    spoil(place)
    code, out, err = run("fsck", place, "--vkey", VKEY)
    assert code == 2 and out == b"" and message in err and "\n" not in err


def test_a_bad_key_or_url_is_2(place):
    code, _, err = run("fsck", place, "--vkey", "nonsense")
    assert code == 2 and err.startswith("--vkey: expected <name>+<key id>+<base64 key>, got")
    code, _, err = run("fsck", "ftp://x", "--vkey", VKEY)
    assert code == 2 and "http" in err
    code, _, err = run("fsck", "http://127.0.0.1:9", "--vkey", VKEY)
    assert code == 2 and "127.0.0.1:9/checkpoint" in err


def test_prove_and_check(place, tmp_path):
    code, out, _ = run("prove", place, 41, "--vkey", VKEY)
    assert code == 0 and out.startswith(b"c2sp.org/tlog-proof@v1\nextra ")
    (tmp_path / "p").write_bytes(out)
    code, told, _ = run("check", tmp_path / "p", "--vkey", VKEY)
    assert code == 0 and told.startswith(b"holds: entry 41 of demo.example/fleet/0")
    code, told, _ = run("check", "-", "--vkey", VKEY, "--json", stdin=out)
    value = json.loads(told)
    assert (code, value["holds"], value["index"], value["size"]) == (0, True, 41, 305)
    code, told, _ = run("check", tmp_path / "p", "--vkey", OTHER)
    assert code == 1 and told.startswith(b"DOES NOT HOLD")
    changed = out.replace(b"index 41", b"index 42")
    code, told, _ = run("check", "-", "--vkey", VKEY, "--json", stdin=changed)
    assert code == 1 and json.loads(told)["holds"] is False


def test_check_by_policy_and_with_the_entry_apart(place, tmp_path):
    code, out, _ = run("prove", place, 0, "--without-entry")
    assert code == 0 and b"extra" not in out
    (tmp_path / "p").write_bytes(out)
    (tmp_path / "entry").write_bytes(World().started().append([pending(0)], at_ms=1)[0].leaf)
    witness = notes.Signer("w.example", b"w" * 32, notes.COSIGNATURE_V1)
    (tmp_path / "none").write_text(f"log {VKEY}\nquorum none\n")
    (tmp_path / "one").write_text(f"log {VKEY}\nwitness w {witness.verifier.vkey}\nquorum w\n")
    args = ("check", tmp_path / "p", "--entry", tmp_path / "entry", "--policy")
    assert run(*args, tmp_path / "none")[0] == 0
    code, told, _ = run(*args, tmp_path / "one")
    assert code == 1 and b"quorum" in told
    head, _, note = out.partition(b"\n\n")
    body = notes.parse_note(note).unverified_text
    (tmp_path / "p").write_bytes(head + b"\n\n" + notes.add_lines(note, [witness.line(body, time=7)]))
    code, told, _ = run(*args, tmp_path / "one")
    assert code == 0 and b"witnessed by w at 7" in told


def test_unreadable_proofs_and_wrong_use_are_2(place, tmp_path):
    (tmp_path / "p").write_bytes(b"rubbish")
    code, _, err = run("check", tmp_path / "p", "--vkey", VKEY)
    assert code == 2 and err.endswith(
        "expected proof lines, a blank line and a checkpoint, got no blank line"
    )
    assert run("check", tmp_path / "absent", "--vkey", VKEY)[0] == 2
    assert run("check", tmp_path / "p")[0] == 2
    assert run("check", tmp_path / "p", "--vkey", VKEY, "--policy", tmp_path / "p")[0] == 2
    (tmp_path / "big").write_bytes(b"x" * 1_200_000)
    assert "at most" in run("check", tmp_path / "big", "--vkey", VKEY)[2]
    (tmp_path / "p").write_bytes(run("prove", place, 1, "--without-entry")[1])
    code, _, err = run("check", tmp_path / "p", "--vkey", VKEY)
    assert code == 2 and "expected the entry" in err
    code, _, err = run("prove", place, 305, "--vkey", VKEY)
    assert code == 2 and "expected 0..304, got 305" in err


def test_without_a_key_prove_says_that_it_did_not_look(place):
    _, _, err = run("prove", place, 1)
    assert "no --vkey given" in err


def test_consistent_checkpoints(place, tmp_path):
    for a, b in (
        (tmp_path / "old", place),
        (place, tmp_path / "old"),
        (place, tmp_path / "new"),
        (place, place),
    ):
        code, out, _ = run("consistency", a, b, "--vkey", VKEY)
        assert code == 0 and out.startswith(b"consistent")
    code, out, _ = run("consistency", tmp_path / "old", tmp_path / "new", "--log", place, "--json")
    value = json.loads(out)
    assert (code, value["consistent"], value["old_size"], value["new_size"]) == (0, True, 300, 305)
    assert value["checkpoints"] == "unverified"


def test_a_fork_is_1(place, tmp_path):
    for size in (300, 305):
        (tmp_path / "fork").write_bytes(notes.sign(Checkpoint(ORIGIN, size, bytes(32)).body, SIGNER))
        code, out, _ = run("consistency", tmp_path / "fork", place, "--vkey", VKEY)
        assert code == 1 and out.startswith(b"NOT CONSISTENT")


def test_checkpoints_that_cannot_be_compared_are_2(place, tmp_path):
    code, _, err = run("consistency", tmp_path / "old", tmp_path / "new")
    assert code == 2 and err.startswith("--log: expected")
    (tmp_path / "other").write_bytes(
        notes.sign(Checkpoint("other.example", 5, bytes(32)).body, notes.Signer("other.example", b"1" * 32))
    )
    code, _, err = run("consistency", tmp_path / "other", place)
    assert code == 2 and "expected a checkpoint of other.example" in err


def test_progress_is_shown_to_somebody_who_looks(place, monkeypatch):
    import io

    from vouchsafe.cli import log as module

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setattr(module.sys, "stderr", Terminal())
    with module._bar("Hashing") as progress:
        progress(5, 10)


def test_it_runs_without_the_server_part():
    """The libraries' commands must work in an installation that has neither Django nor psycopg."""
    code = (
        "import sys\n"
        "for name in ('django', 'psycopg'): sys.modules[name] = None\n"
        "from vouchsafe.cli.main import cli\n"
        "sys.exit(cli.main(['log', '--help'], standalone_mode=False))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "fsck" in done.stdout, done.stderr
