"""Signed notes, vkeys, cosignatures and checkpoints, with odd names, blank lines and signatures of strangers."""

import hashlib
import json
from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.ledger import checkpoints, ed25519, limits, notes
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import Malformed, SignatureError
from vouchsafe.ledger.notes import COSIGNATURE_V1, ED25519, Signer

VKEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
NOTE = (
    "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Z"
    "tg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
).encode()
LOG = Signer("log.example/a", b"a" * 32)
OTHER = Signer("log.example/b", b"b" * 32)
WITNESS = Signer("witness.example", b"w" * 32, COSIGNATURE_V1)


def test_the_published_note_verifies():
    opened = notes.open_note(NOTE, [notes.parse_vkey(VKEY)])
    assert opened.text == b"This is an example message.\n"
    assert [s.verifier.name for s in opened.signatures] == ["example.com/foo"]


def test_a_vkey_reads_back():
    for signer in (LOG, WITNESS):
        assert notes.parse_vkey(signer.verifier.vkey) == signer.verifier
        assert notes.format_vkey(signer.verifier) == signer.verifier.vkey
    assert notes.parse_vkey(VKEY).vkey == VKEY


def test_a_signer_never_shows_its_seed():
    assert LOG.seed.hex() not in repr(LOG) and repr(LOG.seed) not in repr(LOG)
    assert "log.example/a" in repr(LOG)


@pytest.mark.parametrize(
    ("vkey", "expected"),
    [
        ("", "<name>"),
        ("a+b", "<name>"),
        ("a b+00000000+AQ==", "a key name"),
        ("+00000000+AQ==", "a key name"),
        ("a\u00a0b+00000000+AQ==", "a key name"),
        ("a+00000000+A", "base64"),
        ("a+00000000+", "a key of type"),
        ("a+00000000+Ag==", "a key of type"),
        ("a+00000000+AQ==", "an Ed25519 public key"),
        ("example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key id 530d903a"),
        ("example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key id 530d903a"),
        ("x" * 9000 + "+00000000+AQ==", "<name>"),
    ],
)
def test_broken_vkeys_are_refused(vkey, expected):
    with pytest.raises(Malformed) as caught:
        notes.parse_vkey(vkey)
    assert caught.value.expected.startswith(expected)


@pytest.mark.parametrize("seed", [b"short", b"x" * 33])
def test_a_signer_needs_a_seed_of_32_bytes_a_good_name_and_a_known_type(seed):
    with pytest.raises(Malformed, match="seed"):
        Signer("a", seed)
    with pytest.raises(Malformed, match="key name"):
        Signer("a+b", b"x" * 32)
    with pytest.raises(Malformed, match="signature type"):
        Signer("a", b"x" * 32, 6)


def test_text_with_blank_lines_is_divided_at_the_last_one():
    text = b"Ognuno sta solo\n\nsul cuor\n\n"
    note = notes.sign(text, LOG)
    assert notes.open_note(note, [LOG.verifier]).text == text


def test_signatures_of_unknown_keys_are_ignored_even_when_the_name_is_known():
    note = notes.sign(b"text\n", LOG, OTHER)
    namesake = Signer("log.example/a", b"z" * 32)
    note = notes.add_lines(note, [namesake.line(b"text\n")])
    opened = notes.open_note(note, [LOG.verifier])
    assert [s.verifier for s in opened.signatures] == [LOG.verifier]
    assert opened.ignored == 2


def test_a_stranger_with_a_long_name_is_ignored_as_any_other():
    """signed-note.md has no limit for a name: such a line MUST be ignored, not refused."""
    note = notes.add_lines(notes.sign(b"text\n", LOG), [line(b"12345", "n" * 100_000)])
    assert notes.open_note(note, [LOG.verifier]).ignored == 1


def test_a_known_key_with_a_wrong_signature_rejects_the_note_whatever_else_is_good():
    bad = LOG.line(b"another text\n")
    note = notes.add_lines(notes.sign(b"text\n", OTHER), [bad])
    with pytest.raises(SignatureError, match="known key log.example/a"):
        notes.open_note(note, [LOG.verifier, OTHER.verifier])
    assert notes.open_note(note, [OTHER.verifier]).ignored == 1


def test_a_repeated_line_counts_once_and_a_wrong_repetition_rejects():
    note = notes.sign(b"text\n", LOG, LOG)
    assert len(notes.open_note(note, [LOG.verifier]).signatures) == 1
    with pytest.raises(SignatureError):
        notes.open_note(notes.add_lines(note, [LOG.line(b"x\n")]), [LOG.verifier])


def test_a_note_without_a_trusted_key_is_rejected():
    with pytest.raises(SignatureError, match="trusted key"):
        notes.open_note(notes.sign(b"text\n", LOG), [OTHER.verifier])
    with pytest.raises(SignatureError, match="trusted key"):
        notes.open_note(notes.sign(b"text\n", LOG), [])


def test_two_trusted_keys_of_one_name_and_id_are_refused():
    twin = notes.Verifier("log.example/a", ED25519, b"q" * 32)
    object.__setattr__(twin, "name", "log.example/a")

    class Same(notes.Verifier):
        key_id = LOG.verifier.key_id

    with pytest.raises(SignatureError, match="share the name"):
        notes.open_note(notes.sign(b"t\n", LOG), [LOG.verifier, Same("log.example/a", ED25519, b"q" * 32)])


def line(raw, name="log.example/a"):
    return f"— {name} {b64encode(raw).decode()}\n"


@pytest.mark.parametrize(
    ("note", "place"),
    [
        (b"", "note"),
        (b"text", "note"),
        (b"text\n", "note"),
        (b"text\n\n", "note"),
        (b"te\x01xt\n\n" + line(b"12345").encode(), "note character 2"),
        (b"te\xffxt\n\n" + line(b"12345").encode(), "note byte 2"),
        (b"text\r\n\n" + line(b"12345").encode(), "note character 4"),
        (b"text\n\nnothing\n", "note signature line 1"),
        ("text\n\n— name\n".encode(), "note signature line 1"),
        ("text\n\n— name !!!!\n".encode(), "note signature line 1"),
        (("text\n\n" + line(b"1234")).encode(), "note signature line 1"),
        (("text\n\n" + line(b"12345") + line(b"12345", "a+b")).encode(), "note signature line 2"),
        (("text\n\n" + line(b"12345", "a\u2003b")).encode(), "note signature line 1"),
        (("text\n\n" + line(b"12345") * 101).encode(), "note"),
        (b"x" * 1_000_001, "note"),
        (
            ("text\n\n— name " + b64encode(b"12345").decode().rstrip("=") + "\n").encode(),
            "note signature line 1",
        ),
    ],
)
def test_broken_notes_name_the_place(note, place):
    with pytest.raises(Malformed) as caught:
        notes.parse_note(note)
    assert caught.value.place == place


def test_sixteen_long_signature_lines_are_accepted():
    note = notes.add_lines(notes.sign(b"text\n", LOG), [line(b"id" * 1214, f"pq{n}") for n in range(16)])
    assert notes.open_note(note, [LOG.verifier]).ignored == 16


def test_base64_with_unused_bits_set_is_refused():
    good = notes.sign(b"text\n", LOG).decode()
    assert good.endswith("=\n")
    changed = good[:-3] + chr(ord(good[-3]) + 1) + good[-2:]
    with pytest.raises(Malformed, match="canonical base64"):
        notes.parse_note(changed.encode())


def test_signing_needs_a_signer_a_newline_and_the_right_kind_of_time():
    with pytest.raises(Malformed, match="at least one signer"):
        notes.sign(b"text\n")
    with pytest.raises(Malformed, match="newline at the end"):
        notes.sign(b"text", LOG)
    with pytest.raises(Malformed, match="a time for a cosignature"):
        WITNESS.line(b"text\n")
    with pytest.raises(Malformed, match="a time for a cosignature"):
        LOG.line(b"text\n", time=5)
    assert WITNESS.line(b"text\n", time=2**63 - 1)  # tlog-cosignature.md: MUST NOT exceed it
    for time in (2**63, -1):
        with pytest.raises(Malformed, match=r"a time of 0\.\.2\^63-1"):
            WITNESS.line(b"text\n", time=time)


def test_a_cosignature_gives_its_time():
    note = notes.sign(b"text\n", LOG, WITNESS, time=1_767_139_200)
    opened = notes.open_note(note, [LOG.verifier, WITNESS.verifier])
    assert {s.verifier.name: s.time for s in opened.signatures} == {
        "log.example/a": None,
        "witness.example": 1_767_139_200,
    }


def test_a_cosignature_of_another_length_or_beyond_2_63_is_wrong():
    with pytest.raises(SignatureError, match="72 bytes"):
        WITNESS.verifier.verify(b"text\n", bytes(71))
    late = (2**63).to_bytes(8, "big")
    with pytest.raises(SignatureError, match="2\\^63"):
        WITNESS.verifier.verify(b"text\n", late + bytes(64))


def test_the_real_witness_checkpoint_verifies_and_its_ct_line_is_ignored(fixtures):
    folder = fixtures / "vectors/cosignature"
    about = json.loads((folder / "witness.v0.json").read_text())
    [path] = folder.glob("*/checkpoint")
    note = path.read_bytes()
    opened = notes.open_note(note, [notes.parse_vkey(key) for key in about["verifier_keys"]])
    assert opened.signatures[0].time == 1_767_139_200 and opened.ignored == 1
    body = checkpoints.parse_body(opened.text)
    assert (body.origin, body.size) == ("rome2026h1.example.org", 300)
    assert hashlib.sha256(body.origin.encode()).hexdigest() == path.parent.name
    assert body.body == opened.text
    with pytest.raises(SignatureError, match="itself"):
        checkpoints.open_checkpoint(note, [notes.parse_vkey(key) for key in about["verifier_keys"]])


def test_a_checkpoint_reads_back():
    checkpoint = Checkpoint("log.example/a", 5, bytes(32))
    note = notes.sign(checkpoint.body, LOG)
    assert checkpoints.open_checkpoint(note, [LOG.verifier]) == checkpoint
    assert "size 5" in str(checkpoint)


def test_extension_lines_of_others_are_kept():
    text = Checkpoint("log.example/a", 5, bytes(32), ("one", "two")).body
    assert checkpoints.parse_body(text).extensions == ("one", "two")
    assert checkpoints.parse_body(text).body == text


ROOT = b64encode(bytes(32)).decode()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("", "checkpoint"),
        (f"o\n5\n{ROOT}", "checkpoint"),
        ("o\n5\n", "checkpoint"),
        (f"\n5\n{ROOT}\n", "checkpoint line 1"),
        (f"{'o' * 256}\n5\n{ROOT}\n", "checkpoint line 1"),
        (f"o\n05\n{ROOT}\n", "checkpoint line 2"),
        (f"o\n-5\n{ROOT}\n", "checkpoint line 2"),
        (f"o\n٥\n{ROOT}\n", "checkpoint line 2"),
        (f"o\n9223372036854775808\n{ROOT}\n", "checkpoint line 2"),
        ("o\n5\nAAAA\n", "checkpoint line 3"),
        (f"o\n5\n{ROOT[:-1]}\n", "checkpoint line 3"),
        (f"o\n5\n{ROOT}\n\n", "checkpoint line 4"),
        (f"o\n5\n{ROOT}\n" + "x\n" * 65 + "\n", "checkpoint line 69"),
    ],
)
def test_broken_checkpoints_name_the_line(text, place):
    with pytest.raises(Malformed) as caught:
        checkpoints.parse_body(text.encode())
    assert caught.value.place == place


def test_a_checkpoint_that_is_not_utf8_is_refused():
    with pytest.raises(Malformed, match="byte 1"):
        checkpoints.parse_body(b"o\xff\n5\n\n")


def test_a_checkpoint_signed_under_another_name_is_refused():
    note = notes.sign(Checkpoint("log.example/a", 5, bytes(32)).body, OTHER)
    with pytest.raises(SignatureError, match="itself"):
        checkpoints.open_checkpoint(note, [OTHER.verifier])


def test_key_ids_are_as_the_specification_says():
    raw = b64decode(VKEY.split("+", 2)[2])
    assert notes.parse_vkey(VKEY).key_id == hashlib.sha256(b"example.com/foo\n" + raw).digest()[:4]
    assert ed25519.public_key_fault(raw[1:]) is None


# -- What the specification lets a note be, and what it does not ---------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["Ärzte.example/ß", "日本語", "a\u200bb", "a-b_c:d/e", "\u2014", "x\u007fy", "n" * 300]
)
def test_odd_names_sign_and_verify(name):
    signer = Signer(name, b"o" * 32)
    note = notes.sign(b"text\n", signer)
    key = notes.parse_vkey(signer.verifier.vkey)
    assert key.name == name and notes.open_note(note, [key]).signatures[0].verifier == key


SPACES = " \t\u0085\u00a0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"


@pytest.mark.parametrize("name", ["", "+", "a+", *(f"a{space}b" for space in SPACES), "a\x00b", "a\udcffb"])
def test_names_with_a_plus_or_a_unicode_space_are_refused_everywhere(name):
    with pytest.raises(Malformed):
        Signer(name, b"o" * 32)
    with pytest.raises(Malformed):
        notes.parse_vkey(f"{name}+00000000+AQ==")
    if name and name.isprintable():
        with pytest.raises(Malformed, match="note signature line 1"):
            notes.parse_note(("text\n\n" + line(b"12345", name)).encode())


def test_a_signature_shares_its_name_or_its_id_but_not_both():
    """Only the pair of both is a known key; one of them alone MUST be ignored."""
    note = notes.sign(b"text\n", LOG)
    same_id = line(LOG.verifier.key_id + bytes(64), "log.example/other")
    same_name = line(OTHER.verifier.key_id + bytes(64), LOG.name)
    for added in (same_id, same_name):
        assert notes.open_note(notes.add_lines(note, [added]), [LOG.verifier]).ignored == 1
    both = line(LOG.verifier.key_id + bytes(64))
    with pytest.raises(SignatureError, match="signature of known key log.example/a"):
        notes.open_note(notes.add_lines(note, [both]), [LOG.verifier])


def test_a_signature_of_another_length_under_a_known_key_rejects_the_note():
    note = notes.sign(b"text\n", OTHER)
    for size in (1, 63, 65):
        with pytest.raises(SignatureError, match=f"expected 64 bytes, got {size}"):
            notes.open_note(
                notes.add_lines(note, [line(LOG.verifier.key_id + bytes(size))]),
                [LOG.verifier, OTHER.verifier],
            )


def test_a_hundred_signatures_are_read_and_one_more_is_not():
    note = notes.sign(b"text\n", LOG)
    full = notes.add_lines(note, [line(b"12345", f"w{n}") for n in range(limits.MAX_SIGNATURES - 1)])
    assert notes.open_note(full, [LOG.verifier]).ignored == 99
    with pytest.raises(Malformed, match=r"note: expected 1\.\.100 signature lines, got 101"):
        notes.add_lines(full, [line(b"12345", "w")])


def test_a_note_of_the_most_bytes_is_read_and_one_more_is_not():
    tail = notes.sign(b"\n", LOG)[1:]
    text = b"x" * (limits.MAX_NOTE_BYTES - len(tail) - 1) + b"\n"
    note = notes.sign(text, LOG)
    assert len(note) == limits.MAX_NOTE_BYTES and notes.open_note(note, [LOG.verifier]).text == text
    with pytest.raises(Malformed, match="note: expected at most 1000000 bytes, got 1000001 bytes"):
        notes.parse_note(b"x" + note)


@pytest.mark.parametrize(
    "text", ["\n", "\n\n", "a\n\n\n\nb\n", "— a b\n", "\u2028\n", "e\u0301\n", "\x7f\n", "\ufeff\n"]
)
def test_any_text_that_ends_in_a_newline_can_be_signed(text):
    note = notes.sign(text.encode(), LOG)
    assert notes.open_note(note, [LOG.verifier]).text == text.encode()


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda n: n[:-1], "note"),  # no final newline
        (lambda n: n + b"\n", "note"),  # a blank line at the end: no signature line follows it
        (lambda n: n + b"trailing\n", "note signature line 2"),
        (lambda n: n.replace(b"\n", b"\r\n"), "note character 4"),
        (lambda n: n.replace(b"\n\n", b"\n \n"), "note"),
        (lambda n: n.replace("—".encode(), b"-"), "note signature line 1"),
        (lambda n: n.replace("— ".encode(), "—  ".encode()), "note signature line 1"),
        (lambda n: n.replace(b"/a ", b"/a  "), "note signature line 1"),
        (lambda n: n[:-1] + b" \n", "note signature line 1"),
        (lambda n: n[:-3] + b"-_\n", "note signature line 1"),
        (lambda n: n.replace(b"text", b"te\tt"), "note character 2"),
        (lambda n: b"\xef\xbb" + n, "note byte 0"),
    ],
)
def test_a_note_with_one_thing_wrong_names_its_place(change, place):
    with pytest.raises(Malformed) as refused:
        notes.parse_note(change(notes.sign(b"text\n", LOG)))
    assert refused.value.place == place


@pytest.mark.parametrize("origin", ["a b", "a+b", "x" * 255, "日本", "https://log.example/", "-", "—"])
def test_any_origin_that_is_a_line_is_read(origin):
    """tlog-checkpoint.md: clients MUST NOT assume that an origin looks like a URL without its scheme."""
    text = Checkpoint(origin, 7, bytes(32)).body
    if len(origin.encode()) <= 255:
        assert checkpoints.parse_body(text).origin == origin


@pytest.mark.parametrize("size", [0, 1, 2**53, 2**63 - 1])
def test_sizes_are_read_up_to_2_63(size):
    text = Checkpoint("o", size, bytes(32)).body
    assert checkpoints.parse_body(text).size == size


@pytest.mark.parametrize(
    "size",
    ["", "00", "01", "+1", "-0", "1e3", "0x1", "1_0", " 1", "1 ", "１", str(2**63), str(2**64), "9" * 5000],
)
def test_other_sizes_are_refused_in_line_2(size):
    with pytest.raises(Malformed) as refused:
        checkpoints.parse_body(f"o\n{size}\n{ROOT}\n".encode())
    assert refused.value.place == "checkpoint line 2"


def test_extension_lines_are_kept_however_many():
    body = f"o\n5\n{ROOT}\n".encode()
    assert len(checkpoints.parse_body(body + b"x\n" * 1_000).extensions) == 1_000
    assert checkpoints.parse_body(body + "— a b\n".encode()).extensions == ("— a b",)
    with pytest.raises(Malformed, match="line 5"):
        checkpoints.parse_body(body + b"x\n\n")


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_mutated_notes_are_malformed_or_unsigned_or_the_same_text(data):
    note = bytearray(notes.sign(b"text\n\nmore\n", LOG, OTHER, WITNESS, time=5))
    lines = bytes(note).split(b"\n")
    act = data.draw(st.sampled_from(["byte", "cut", "drop line", "double line", "swap lines"]))
    at = data.draw(st.integers(0, len(note) - 1))
    one, two = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    if act == "byte":
        note[at] = data.draw(st.integers(0, 255))
    elif act == "cut":
        del note[at:]
    else:
        if act == "drop line":
            del lines[one]
        elif act == "double line":
            lines.insert(two, lines[one])
        else:
            lines[one], lines[two] = lines[two], lines[one]
        note = bytearray(b"\n".join(lines))
    try:
        opened = notes.open_note(bytes(note), [LOG.verifier, WITNESS.verifier])
    except (Malformed, SignatureError):
        return
    assert opened.text == b"text\n\nmore\n"
