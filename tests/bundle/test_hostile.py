"""Whatever is done to the bytes, the answer is a verdict with its place, or one line that says why there is none."""

import io
import json
import random
import struct
import subprocess
import sys
import venv
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bundle import checks, forge
from vouchsafe.bundle import verify

GOOD = forge.forge()
FILES = forge.members(forge.Story())
POLICY = verify.read_policy(forge.policy())


def outcome(data: bytes) -> tuple[int, str]:
    """Exit code and the place named. Anything but `Unreadable` is a fault of the verifier and reaches the test."""
    try:
        result = verify.check(data, POLICY)
    except verify.Unreadable as error:
        return 2, error.place
    failed = [v for v in result.verdicts if not v.allowed]
    return result.exit_code, failed[0].place if failed else ""


def test_any_single_byte_flipped_anywhere_is_found_and_placed() -> None:
    # Every byte would take minutes: every 97th, each time another bit, and every byte of some of the container's own parts.
    places = forge.places(FILES)
    own = [range(a, b) for (a, what), (b, _) in zip(places, places[1:], strict=False) if what not in FILES]
    for at in [*range(0, len(GOOD), 97), *own[0], *own[len(FILES)], *own[-1]]:
        data = bytearray(GOOD)
        data[at] ^= 1 << at % 8
        code, place = outcome(bytes(data))
        assert code in (1, 2), at
        assert place, at


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_byte_in_a_member_names_the_member(name: str) -> None:
    where = next(begin for begin, what in forge.places(FILES) if what == name)
    for at in {0, len(FILES[name]) // 2, len(FILES[name]) - 1}:
        data = bytearray(GOOD)
        data[where + at] ^= 0x20
        code, place = outcome(bytes(data))
        if name == "bundle.json":
            assert (code, place.split(" ")[0]) in ((1, name), (2, name))
        else:
            assert code == 1
            assert checks.first(verify.check(bytes(data), POLICY), "integrity")[0] == name


@pytest.mark.parametrize("name", FILES)
def test_random_bytes_in_a_member_fail_even_when_all_hashes_fit_again(name: str) -> None:
    chance = random.Random(name)
    for size in (0, 1, 40, 3000):
        files = dict(FILES)
        files[name] = chance.randbytes(size)
        data = forge.pack(files) if name == "bundle.json" else forge.relisted(files)
        code, place = outcome(data)
        assert code in (1, 2)
        assert place


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_members_mutated_by_structure_never_crash_the_verifier_nor_pass(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(FILES)))
    body = FILES[name]
    at = data.draw(st.integers(0, len(body)))
    cut = data.draw(st.integers(0, 40))
    put = data.draw(
        st.binary(max_size=40)
        | st.sampled_from([b"[]", b"{}", b"null", b"-1", b"true", b'""', b"\n\n", b"[[[["])
    )
    changed = body[:at] + put + body[at + cut :]
    files = {**FILES, name: changed}
    archive = forge.pack(files) if name == "bundle.json" else forge.relisted(files)
    code, place = outcome(archive)
    if changed != body:
        assert code in (1, 2)
        assert place


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.floats(allow_nan=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def paths_of(value: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [here]
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            found += paths_of(inner, (*here, key))
    return found


def put_at(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    value[path[0]] = put_at(value[path[0]], path[1:], new)
    return value


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_any_json_value_replaced_by_another_type_never_crashes_the_verifier(data: st.DataObject) -> None:
    """The operator holds all keys: the leaf, its payload and the listing can be made to fit any nonsense."""
    names = [n for n in FILES if n.endswith(".json") and n != "bundle.json"]
    name = data.draw(st.sampled_from(names))
    value = json.loads(FILES[name])
    path = data.draw(st.sampled_from(paths_of(value)))
    value = put_at(value, path, data.draw(JSON_VALUES))
    code, place = outcome(forge.relisted({**FILES, name: forge.canonical(value)}))
    if forge.canonical(value) != FILES[name]:
        assert code in (1, 2)
        assert place


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_payloads_and_facts_of_any_shape_never_crash_the_verifier(data: st.DataObject) -> None:
    """As above, but with a log that really holds the nonsense, so that every check behind the hashes is reached."""
    which = data.draw(st.sampled_from(["line", "statement", "facts", "announce", "claims"]))
    junk = data.draw(JSON_VALUES.filter(lambda v: v is None or not isinstance(v, float)))
    junk = json.loads(forge.canonical(junk))
    story = forge.Story()
    if which == "facts":
        key = data.draw(
            st.sampled_from(["why", "vec", "tier", "ref_ix", "ref_digest", "ctr", "dlog", "late"])
        )
        story.facts = {key: junk}
    elif which == "line":
        key = data.draw(
            st.sampled_from(
                ["by", "seq", "number", "version", "sha256", "key", "ceremony", "statement", "file"]
            )
        )
        story.line = {key: junk}
    elif which == "statement":
        key = data.draw(st.sampled_from(["at", "meaning", "version", "record", "revision", "reason"]))
        story.statement = {key: junk}
    elif which == "announce":
        key = data.draw(st.sampled_from(["ranges", "subject", "manifest", "seq", "sha256"]))
        story.announce = lambda announced: announced.update({key: junk})
    else:
        key = data.draw(st.sampled_from([6, 10, 256, 259, 262, 263, 267, 271, 273, -75001, -75002, -75003]))
        junk = data.draw(
            st.sampled_from(
                [None, True, 0, -1, 2**64 - 1, b"", b"x" * 40, "", "x", [], [1], [[65001, b"\xa0"]], {}]
            )
        )
        story.evidence = lambda n, good: good | ({"claims": {key: junk}} if n == 1 else {})
    code, _ = outcome(forge.forge(story))
    assert code in (0, 1)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_random_files_are_unreadable(data: bytes) -> None:
    code, place = outcome(data)
    assert code == 2
    assert place


def rewritten(change: Any) -> bytes:
    data = bytearray(GOOD)
    change(data)
    return bytes(data)


def end_record(data: bytes) -> int:
    return data.rindex(b"PK\x05\x06")


def deflated() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in FILES.items():
            archive.writestr(name, body)
    return out.getvalue()


def twice() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, pytest.warns(UserWarning):
        for name, body in [*FILES.items(), ("index.html", b"another")]:
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), body)
    return out.getvalue()


def named(name: str) -> bytes:
    return forge.pack({**FILES, name: b"x"})


def flagged(bit: int) -> bytes:
    """A general-purpose flag in the first local header (APPNOTE 4.4.4): 0 encrypted, 3 data descriptor."""
    return rewritten(lambda d: d.__setitem__(6, 1 << bit))


def streamed() -> bytes:
    """As a writer to a pipe does it: no sizes in the local header, a data descriptor after the member."""

    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: int) -> int:
            raise OSError

        def tell(self) -> int:
            raise OSError

    out = Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, body in FILES.items():
            archive.writestr(name, body)
    return out.getvalue()


def zip64() -> bytes:
    """The sizes of the first member in a zip64 extra field."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive, archive.open("bundle.json", "w", force_zip64=True) as stream:
        stream.write(FILES["bundle.json"])
    return out.getvalue()


def bomb() -> bytes:
    """64 MiB of zeros in 64 KiB; nothing is inflated to see that."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bundle.json", "w") as stream,
    ):
        for _ in range(64):
            stream.write(bytes(1 << 20))
    return out.getvalue()


def sized(packed: int, size: int) -> bytes:
    return rewritten(lambda d: d.__setitem__(slice(18, 26), struct.pack("<LL", packed, size)))


def overlapping() -> bytes:
    """The second member of the central directory points at the first one's bytes."""
    at = GOOD.index(b"PK\x01\x02", GOOD.index(b"PK\x01\x02") + 4)
    return rewritten(lambda d: d.__setitem__(slice(at + 42, at + 46), bytes(4)))


def nested() -> bytes:
    """The first member's size takes in the second member, header and all."""
    more = len(FILES["bundle.json"]) + 30 + len("README.txt") + len(FILES["README.txt"])
    return sized(more, more)


def many() -> bytes:
    """65,536 members, which no zip without zip64 can count; written by hand, as a zip writer refuses."""
    local = b"".join(
        struct.pack("<4s5H3L2H", b"PK\3\4", 20, 0, 0, 0, 0x21, 0, 0, 0, 5, 0) + b"%05d" % n
        for n in range(65_536)
    )
    return local + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0, 0, 0, 0, 0)


START = {what: at for at, what in forge.places(FILES)}  # where each part of the good archive begins
BODY = START["bundle.json"]
SECOND = START["local header of README.txt"]
LISTED = len(FILES["bundle.json"])
CUT = START["record/versions/2.json"]
LAST_NAME = 30 + sum(30 + len(n) + len(b) for n, b in FILES.items())  # of a member that is added at the end
CONTAINERS = {
    "nothing": (b"", 2, "byte 0"),
    "text": (b"not a zip", 2, "byte 0"),
    "bytes before": (b"#!" + GOOD, 2, "byte 0"),
    "bytes after": (GOOD + b"\0", 1, f"byte {len(GOOD)}, after the end of the archive"),
    "another archive after": (GOOD + GOOD, 1, f"byte {len(GOOD)}, after the end of the archive"),
    "a comment": (
        rewritten(lambda d: d.__setitem__(slice(len(d) - 2, None), b"\x02\0hi")),
        1,
        f"byte {len(GOOD) - 2}, end of central directory",
    ),
    "cut short": (GOOD[:-1], 1, f"byte {len(GOOD) - 1}, end of central directory"),
    "cut in a member": (GOOD[: CUT + 3], 2, f"byte {CUT}, record/versions/2.json"),
    "cut in a header": (GOOD[:20], 2, "byte 0"),
    "no central directory": (
        GOOD[: GOOD.index(b"PK\x01\x02")],
        2,
        f"byte {GOOD.index(b'PK' + bytes([1, 2]))}",
    ),
    "an empty archive": (GOOD[end_record(GOOD) :], 2, "byte 0"),
    "deflated": (deflated(), 2, "byte 0, bundle.json"),
    "a bomb": (bomb(), 2, "byte 0, bundle.json"),
    "two sizes of a stored member": (sized(LISTED, 2**31), 2, "byte 0, bundle.json"),
    "two gigabytes declared": (sized(2**31, 2**31), 2, f"byte {BODY}, bundle.json"),
    "sizes that only zip64 has": (sized(2**32 - 1, 2**32 - 1), 2, f"byte {BODY}, bundle.json"),
    "zip64": (zip64(), 2, f"byte {BODY + 20}, bundle.json"),
    "the flag of encryption": (flagged(0), 1, "byte 6, local header of bundle.json"),
    "the flag of a data descriptor": (flagged(3), 1, "byte 6, local header of bundle.json"),
    "data descriptors": (streamed(), 2, f"byte {BODY}"),
    "an extra field": (
        rewritten(lambda d: (d.__setitem__(28, 4), d.__setitem__(slice(BODY, BODY), b"UT\0\0"))),
        1,
        "byte 28, local header of bundle.json",
    ),
    "another method": (rewritten(lambda d: d.__setitem__(8, 12)), 1, "byte 8, local header of bundle.json"),
    "members that overlap in the directory": (
        overlapping(),
        1,
        f"byte {START['central directory entry of README.txt'] + 42}, central directory entry of README.txt",
    ),
    "a member inside another": (nested(), 2, "bundle.json"),
    "a gap between members": (
        rewritten(lambda d: d.__setitem__(slice(SECOND, SECOND), b"\0\0")),
        2,
        f"byte {SECOND}",
    ),
    "65,536 members": (many(), 2, f"byte {35 * verify.MAX_MEMBERS}"),
    "a name twice": (twice(), 2, f"byte {LAST_NAME - 30}"),
    "a path that climbs": (named("../../etc/passwd"), 2, f"byte {LAST_NAME}"),
    "an absolute path": (named("/etc/passwd"), 2, f"byte {LAST_NAME}"),
    "a hidden step": (named("a/./b"), 2, f"byte {LAST_NAME}"),
    "an empty step": (named("a//b"), 2, f"byte {LAST_NAME}"),
    "a backslash": (named("a\\b"), 2, f"byte {LAST_NAME}"),
    "a folder": (named("a/"), 2, f"byte {LAST_NAME}"),
    "a name of another alphabet": (named("\u0430.txt"), 2, f"byte {LAST_NAME}"),
    "a name without end": (named("a" * 201), 2, f"byte {LAST_NAME}"),
    "an unlisted file": (named("zz.txt"), 1, "zz.txt"),
    "another order": (
        forge.pack({"bundle.json": FILES["bundle.json"]} | dict(reversed(FILES.items()))),
        1,
        "bundle.json",
    ),
    "bundle.json not first": (forge.pack(dict(reversed(FILES.items()))), 2, "byte 30"),
    "a missing file": (forge.pack({n: b for n, b in FILES.items() if n != "index.html"}), 1, "index.html"),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_damaged_container_is_placed(name: str) -> None:
    data, code, place = CONTAINERS[name]
    assert outcome(data) == (code, place)


def test_a_central_directory_that_disagrees_with_the_local_headers_is_found() -> None:
    at = GOOD.index(b"PK\x01\x02", GOOD.index(b"PK\x01\x02") + 4)
    data = rewritten(lambda d: d.__setitem__(at + 46, d[at + 46] ^ 0x20))  # another name, only there
    assert outcome(data) == (1, f"byte {at + 46}, central directory entry of README.txt")


def test_deep_json_is_refused_in_a_sentence() -> None:
    deep = b"[" * 200_000 + b"]" * 200_000
    result = checks.of(forge.Story(files=lambda files: files.update({"contents.json": deep})))
    assert checks.first(result, "integrity")[0] == "contents.json"
    assert "recursion" in checks.first(result, "integrity")[1]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python in which only `cryptography` and what it needs can be imported."""
    folder = tmp_path_factory.mktemp("bare")
    venv.create(folder, with_pip=False, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    import cffi
    import cryptography

    for module in (cryptography, cffi):
        home = Path(module.__file__ or "").parent
        (site / home.name).symlink_to(home)
    for extra in Path(cffi.__file__ or "").parent.parent.glob("_cffi_backend*"):
        (site / extra.name).symlink_to(extra)
    return folder


def test_the_module_verifies_alone_in_an_empty_folder(bare: Path, tmp_path: Path) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir()
    (home / "verify.py").write_bytes(Path(verify.__file__ or "").read_bytes())
    (home / "bundle.zip").write_bytes(GOOD)
    (home / "trust.txt").write_bytes(forge.policy())

    def run(*arguments: str, given: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        command = [bare / "bin" / "python", "-I", "verify.py", *arguments]
        return subprocess.run(command, cwd=home, capture_output=True, input=given, timeout=60)

    alone = subprocess.run([bare / "bin" / "python", "-Ic", "import vouchsafe"], capture_output=True)
    assert alone.returncode == 1
    good = run("bundle.zip", "--policy", "trust.txt")
    assert (good.returncode, good.stderr) == (0, b"")
    assert b"Result: verified" in good.stdout
    assert run("-", "--policy", "trust.txt", given=GOOD).returncode == 0
    told = run("bundle.zip", "--policy", "trust.txt", "--json")
    assert json.loads(told.stdout)["exit"] == told.returncode == 0
    assert run("bundle.zip").returncode == 1
    (home / "bad.zip").write_bytes(GOOD.replace(b"All", b"all").replace(b"How to", b"How tp"))
    bad = run("bad.zip", "--policy", "trust.txt")
    assert bad.returncode == 1
    assert b"README.txt: has SHA-256" in bad.stdout
    for arguments in (
        ("trust.txt", "--policy", "trust.txt"),
        ("bundle.zip", "--policy", "bundle.zip"),
        ("none.zip",),
    ):
        unreadable = run(*arguments)
        assert unreadable.returncode == 2
        assert len(unreadable.stderr.splitlines()) == 1
    assert sorted(p.name for p in home.iterdir()) == ["bad.zip", "bundle.zip", "trust.txt", "verify.py"]


def test_a_fault_of_the_verifier_is_no_verdict(tmp_path: Path) -> None:
    source = Path(verify.__file__ or "").read_text()
    broken = source.replace(
        "def check(data: bytes",
        "def check(*_: object) -> None:\n    raise KeyError('fault')\n\n\ndef unused(data: bytes",
    )
    (tmp_path / "verify.py").write_text(broken)
    (tmp_path / "bundle.zip").write_bytes(GOOD)
    done = subprocess.run([sys.executable, "verify.py", "bundle.zip"], cwd=tmp_path, capture_output=True)
    assert done.returncode == 70
    assert b"KeyError" in done.stderr
