"""Signed notes, vkeys, cosignatures and checkpoints, with odd names, blank lines and signatures of strangers."""

import hashlib
import json
from base64 import b64decode, b64encode

import pytest

from vouchsafe.ledger import checkpoints, ed25519, notes
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
        (f"o\n5\n{ROOT}\n" + "x\n" * 65, "checkpoint"),
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
