"""The verifier's small parts: each against other people's vectors, or against the forge, and each broken in one way."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from hypothesis import given
from hypothesis import strategies as st

from tests.bundle import forge
from vouchsafe.bundle import verify
from vouchsafe.bundle.verify import Bad, Unreadable
from vouchsafe.ledger import ed25519 as ledger_ed25519

# -- Other people's vectors


def test_merkle_proofs_agree_with_the_vectors_of_transparency_dev(fixtures: Path) -> None:
    def b(text: str | None) -> bytes:
        return base64.b64decode(text or "")

    seen = 0
    for path in sorted((fixtures / "vectors/merkle").rglob("*.json")):
        v = json.loads(path.read_text())
        proof = [b(one) for one in v["proof"] or []]
        if "leafIdx" in v:
            good = verify.included(v["leafIdx"], v["treeSize"], b(v["leafHash"]), proof, b(v["root"]))
        else:
            good = verify.consistent(v["size1"], v["size2"], b(v["root1"]), b(v["root2"]), proof)
        # C2SP tlog-witness: a tree of size 0 is a prefix of every tree, with an empty proof; the origin library says no.
        expected = not v["wantErr"] or ("size1" in v and v["size1"] == 0 and not proof)
        assert good == expected, path.name
        seen += 1
    assert seen == 92


def test_ed25519_agrees_with_the_ledger_on_all_edge_vectors(fixtures: Path) -> None:
    vectors = json.loads((fixtures / "device-evidence/C2SP_CCTV/ed25519/ed25519vectors.json").read_text())
    refused = {"low_order_A", "low_order_R", "non_canonical_A"}
    accepted = 0
    for v in vectors:
        key, signature, message = bytes.fromhex(v["key"]), bytes.fromhex(v["sig"]), v["msg"].encode()
        mine = verify.ed25519(key, signature, message)
        assert mine == ledger_ed25519.is_valid(key, message, signature), v["number"]
        if mine:
            accepted += 1
            assert not refused & set(v["flags"] or ())
    assert len(vectors) == 914
    assert accepted > 0


def test_a_foreign_cosigned_checkpoint_is_believed_and_unknown_lines_are_ignored(fixtures: Path) -> None:
    folder = fixtures / "vectors/cosignature"
    key = json.loads((folder / "witness.v0.json").read_text())["verifier_keys"][0]
    data = next(folder.glob("*/checkpoint")).read_bytes()
    note = verify.read_note(data, "note")
    policy = verify.Policy(witnesses={"w": verify.read_vkey(key, "key")}, quorum="w")
    with pytest.raises(Bad, match="no log key of the policy"):
        verify.trust_checkpoint(note, policy, "note", quorum=True)
    policy.logs.append(
        verify.Key(note.text.split("\n")[0], 1, bytes(32))
    )  # nobody's key: only the witness has signed
    with pytest.raises(Bad, match="no log key of the policy"):
        verify.trust_checkpoint(note, policy, "note", quorum=True)


def test_real_passkeys_answers_fit_their_keys(fixtures: Path) -> None:
    cases = json.loads(
        (fixtures / "signatures-pdf-webauthn/duo-labs_py_webauthn/authentication.json").read_text()
    )["cases"]
    fitting = 0
    for case in cases:
        given = case["arguments"]
        if "response" not in given["credential"]:
            continue  # the file holds this one as a line of Python
        response = given["credential"]["response"]
        key = verify.read_cbor(
            verify.b64url(given["credential_public_key"]["base64url"].rstrip("="), "key"), "key"
        )
        parts = {
            name: verify.b64url(response[name].rstrip("="), name)
            for name in ("authenticatorData", "clientDataJSON", "signature")
        }
        message = parts["authenticatorData"] + hashlib.sha256(parts["clientDataJSON"]).digest()
        try:
            fits = verify.cose_fits(key, parts["signature"], message, "key")
        except Bad as bad:
            assert "does not know" in bad.reason  # ML-DSA
            assert "ml_dsa" in case["test"]
            continue
        assert fits == ("incorrect_public_key" not in case["test"])
        fitting += fits
    assert fitting == 2


def test_the_signed_note_of_the_specification() -> None:
    key = verify.read_vkey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k", "key")
    line = "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
    note = verify.read_note(("This is an example message.\n\n" + line).encode(), "note")
    assert verify.ed25519(key.public, note.lines[0][2], note.text.encode())


# -- Merkle against the forge


@given(st.integers(1, 40), st.data())
def test_proofs_of_small_trees(size: int, data: st.DataObject) -> None:
    entries = [b"%d" % n for n in range(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    root = forge.tree_hash(entries)
    path = forge.inclusion(index, entries)
    assert verify.included(index, size, verify.leaf_hash(entries[index]), path, root)
    assert not verify.included(index, size, verify.leaf_hash(b"x"), path, root)
    assert not verify.included(index, size, verify.leaf_hash(entries[index]), [*path, root], root)
    assert not path or not verify.included(index, size, verify.leaf_hash(entries[index]), path[:-1], root)
    assert not verify.included(size, size, verify.leaf_hash(entries[0]), path, root)
    before = forge.tree_hash(entries[:old])
    proof = forge.consistency(old, entries)
    assert verify.consistent(old, size, before, root, proof)
    if 0 < old < size:
        assert not verify.consistent(old, size, b"\0" * 32, root, proof)
        assert not verify.consistent(old, size, before, b"\0" * 32, proof)
        assert not verify.consistent(old, size, before, root, [])
    assert not verify.consistent(old, size, before, root, [*proof, root])
    assert not verify.consistent(size + 1, size, before, root, proof)


# -- The policy file

LOG = f"log {forge.vkey('a.example/root', forge.ed_key('x'))}"
W = [f"witness w{n} {forge.vkey(f'w{n}.example', forge.ed_key(f'w{n}'), 4)}" for n in range(4)]


def policy(*lines: str) -> verify.Policy:
    return verify.read_policy("\n".join(lines).encode())


def test_a_policy_with_groups_is_met_by_the_right_witnesses_only() -> None:
    p = policy(LOG, *W, "group two 2 w0 w1 w2", "group top all two w3", "quorum top", "", "# a comment")
    assert p.met("top", {"w0", "w2", "w3"})
    assert not p.met("top", {"w0", "w3"})
    assert not p.met("top", {"w0", "w1", "w2"})
    assert policy(LOG, W[0], W[1], "group any any w0 w1", "quorum any").met("any", {"w1"})
    assert policy(LOG, "quorum none").met("none", set())


BAD_POLICIES: dict[str, tuple[list[str], str]] = {
    "no quorum": ([LOG], "policy"),
    "two quorums": ([LOG, "quorum none", "quorum none"], "policy line 3"),
    "no log": (["quorum none"], "policy"),
    "an unknown quorum": ([LOG, "quorum w9"], "policy line 2"),
    "an unknown word": ([LOG, "wibble", "quorum none"], "policy line 2"),
    "the same log key twice": ([LOG, LOG, "quorum none"], "policy line 2"),
    "a key of a station as a log": (
        [f"log {forge.p256_vkey('a', forge.RELEASE_KEY)}", "quorum none"],
        "policy line 1",
    ),
    "a log key as a witness": ([LOG, "witness w " + LOG.split()[1], "quorum none"], "policy line 2"),
    "a witness twice": ([LOG, W[0], W[0], "quorum none"], "policy line 3"),
    "one key for two witnesses": ([LOG, W[0], W[0].replace("w0 ", "w9 ", 1), "quorum none"], "policy line 3"),
    "a witness called none": ([LOG, W[0].replace("w0 ", "none ", 1), "quorum none"], "policy line 2"),
    "a group of the unknown": ([LOG, "group g any w0", "quorum none"], "policy line 2"),
    "a group of nobody": ([LOG, "group g any", "quorum none"], "policy line 2"),
    "a member of two groups": (
        [LOG, W[0], "group g any w0", "group h any w0", "quorum none"],
        "policy line 4",
    ),
    "a member twice": ([LOG, W[0], "group g any w0 w0", "quorum none"], "policy line 3"),
    "a group twice": ([LOG, *W[:2], "group g any w0", "group g any w1", "quorum none"], "policy line 5"),
    "more than there are": ([LOG, W[0], "group g 2 w0", "quorum none"], "policy line 3"),
    "none of them": ([LOG, W[0], "group g 0 w0", "quorum none"], "policy line 3"),
    "a count that is none": ([LOG, W[0], "group g most w0", "quorum none"], "policy line 3"),
    "a key without parts": (["log abc", "quorum none"], "policy line 1"),
    "a key that is not base64": (["log a+00000000+!!!!", "quorum none"], "policy line 1"),
    "a key of another type": (
        ["log a+00000000+" + base64.b64encode(b"\x06" + bytes(32)).decode(), "quorum none"],
        "policy line 1",
    ),
    "a key with another hash": ([LOG.replace("+", "+0", 1), "quorum none"], "policy line 1"),
    "a property that is none": (
        [LOG, "quorum none", "# vouchsafe: allow operators-word beauty"],
        "policy line 3",
    ),
    "a carriage return": ([LOG + "\r", "quorum none"], f"policy byte {len(LOG)}"),
    "one key for two logs": (
        [LOG, f"log {forge.vkey('b.example/root', forge.ed_key('x'))}", "quorum none"],
        "policy line 2",
    ),
    "a witness key as a station": (
        [LOG, "quorum none", "# vouchsafe: station " + W[0].split()[2]],
        "policy line 3",
    ),
    "a switch that is none": ([LOG, "quorum none", "# vouchsafe: trust everybody"], "policy line 3"),
}


@pytest.mark.parametrize("name", BAD_POLICIES)
def test_a_bad_policy_is_refused_with_its_line(name: str) -> None:
    lines, place = BAD_POLICIES[name]
    with pytest.raises(Unreadable) as told:
        policy(*lines)
    assert told.value.place == place


def test_a_policy_is_text_of_limited_size() -> None:
    room = verify.MAX_POLICY_BYTES - len(f"{LOG}\nquorum none\n#")
    assert policy(LOG, "quorum none", "#" + "x" * room).logs
    with pytest.raises(Unreadable, match="at most 65536 bytes"):
        policy(LOG, "quorum none", "#" + "x" * (room + 1))


def test_names_and_comments_of_a_policy_are_octets_and_keys_are_utf8() -> None:
    """tlog-policy.md: octets with the high bit set are opaque outside of keys."""
    key = W[0].split()[2].encode()
    lines = [
        LOG.encode(),
        b"# ev\xe9",
        b"witness \xe9 " + key,
        b"group \xc3\xa9 any \xe9",
        b"quorum \xc3\xa9",
    ]
    found = verify.read_policy(b"\n".join(lines))
    assert found.met(found.quorum, set(found.witnesses)) and not found.met(found.quorum, {"é"})
    with pytest.raises(Unreadable) as told:
        verify.read_policy(b"\n".join([*lines, b"witness x \xe9" + key]))
    assert told.value.place == "policy line 6"
    name, _, public = W[0].split()[2].encode().partition(b"+")
    for wrong in (b"wibble \xe9", b"witness x " + name + b"+\xe9" + public):
        with pytest.raises(Unreadable) as told:
            verify.read_policy(b"\n".join([*lines, wrong]))
        assert str(told.value).encode()  # what is shown of it is text
    own = verify.read_policy(
        forge.policy(witness=True).replace(b"quorum w1", b"group \xe9 any w1\nquorum \xe9")
    )
    with pytest.raises(Bad, match=r"quorum '\\udce9' is not met"):
        verify.trust_checkpoint(verify.read_note(GOOD_NOTE, "note"), own, "note", quorum=True)


def test_own_lines_are_comments_to_the_ledgers_policy_reader() -> None:
    from vouchsafe.ledger import policy as ledger_policy

    assert len(ledger_policy.parse(forge.policy()).logs) == 3


# -- Notes and proofs

GOOD_NOTE = forge.Log("root", forge.ed_key("log root"), [b"x"]).note()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\n\n" + GOOD_NOTE, "not UTF-8"),
        (b"text without a blank line\n", "not a signed note"),
        (GOOD_NOTE[:-1], "not a signed note"),
        (GOOD_NOTE.replace(b"1\n", b"1\r\n", 1), "not a signed note"),
        (b"a\n\nno dash here\n", "not “— name base64”"),
        ("a\n\n— a+b AAAA\n".encode(), "not “— name base64”"),
        ("a\n\n— a\u2003b AAAA\n".encode(), "not “— name base64”"),
        ("a\n\n— a !!!!\n".encode(), "not base64"),
        ("a\n\n— a AAAAAB==\n".encode(), "stray bits"),
        ("a\n\n— a AAAA\n".encode(), "too short"),
        (b"a\n\n" + "— a AAAAAAAA\n".encode() * 65, "more than 64"),
    ],
)
def test_a_bad_note_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        verify.read_note(data, "note")


def trusted(data: bytes, **given: Any) -> verify.Checkpoint:
    return verify.trust_checkpoint(
        verify.read_note(data, "note"), verify.read_policy(forge.policy(**given)), "note", quorum=True
    )


def signed(text: bytes) -> bytes:
    return text + b"\n" + forge.note_line(f"{forge.AUTHORITY}/root", forge.ed_key("log root"), text)


def test_a_checkpoint_is_believed_by_its_log_key_and_its_quorum() -> None:
    assert trusted(GOOD_NOTE).size == 1
    with pytest.raises(Bad, match="quorum 'w1' is not met"):
        trusted(GOOD_NOTE, witness=True)
    body = GOOD_NOTE.partition(b"\n\n")[0] + b"\n"
    line = forge.cosignature_line("w1.example", forge.ed_key("w1"), body, 77)
    assert trusted(GOOD_NOTE + line, witness=True).times == (77,)
    stranger = forge.note_line("who.example", forge.ed_key("who"), body)
    assert trusted(GOOD_NOTE + stranger).size == 1
    with pytest.raises(Bad, match="signature of w1.example does not fit"):
        trusted(
            GOOD_NOTE + forge.cosignature_line("w1.example", forge.ed_key("w1"), b"else", 77), witness=True
        )


def test_the_time_of_a_cosignature_is_below_2_63() -> None:
    """tlog-cosignature.md: it MUST NOT exceed 2^63-1, however well it is signed."""
    body, key = GOOD_NOTE.partition(b"\n\n")[0] + b"\n", forge.ed_key("w1")
    last = forge.cosignature_line("w1.example", key, body, 2**63 - 1)
    assert trusted(GOOD_NOTE + last, witness=True).times == (2**63 - 1,)
    with pytest.raises(Bad, match="time of the cosignature of w1.example is not below"):
        trusted(GOOD_NOTE + forge.cosignature_line("w1.example", key, body, 2**63), witness=True)


SPACES = " \t\u0085\u00a0\u1680\u2000\u2003\u200a\u2028\u2029\u202f\u205f\u3000"


@pytest.mark.parametrize("name", ["", *(f"a{space}b" for space in SPACES), "a\x00b", "a\udcffb"])
def test_a_key_whose_name_is_none_is_unreadable(name: str) -> None:
    with pytest.raises(Unreadable, match="expected a verifier key"):
        verify.read_vkey(f"{name}+00000000+AQ==", "key")
    assert verify.read_vkey(forge.vkey("日本/a-b", forge.ed_key("x")), "key").name == "日本/a-b"


def test_a_log_may_sign_as_a_cosigner_and_is_no_witness_for_that() -> None:
    """tlog-checkpoint.md: a log MAY use any signature type."""
    name, key = f"{forge.AUTHORITY}/root", forge.ed_key("log root")
    log = f"log {forge.vkey(name, key, 4)}"
    body = GOOD_NOTE.partition(b"\n\n")[0] + b"\n"
    note = verify.read_note(body + b"\n" + forge.cosignature_line(name, key, body, 77), "note")
    found = verify.trust_checkpoint(note, policy(log, "quorum none"), "note", quorum=True)
    assert (found.size, found.times) == (1, ())
    with pytest.raises(Bad, match="quorum 'w0' is not met"):
        verify.trust_checkpoint(note, policy(log, W[0], "quorum w0"), "note", quorum=True)


def test_a_log_key_signs_for_its_own_origin_only() -> None:
    text = f"{forge.AUTHORITY}/other\n1\n{base64.b64encode(bytes(32)).decode()}\n".encode()
    with pytest.raises(Bad, match="no log key of the policy has signed"):
        trusted(signed(text))


def test_extension_lines_are_read_over() -> None:
    """tlog-checkpoint.md: opaque and optional; a log of somebody else may have them."""
    text = f"{forge.AUTHORITY}/root\n{2**63 - 1}\n{base64.b64encode(bytes(32)).decode()}\none\n\u2014 two\n"
    assert trusted(signed(text.encode())).size == 2**63 - 1


@pytest.mark.parametrize(
    "rest",
    [
        "1\n", "01\n{}\n", "-1\n{}\n", "1\n{}\n\n", "1\n{}\none\n\ntwo\n", "1\nAAAA\n", "1\n!!\n", f"{2**63}\n{{}}\n",
    ],
)  # fmt: skip
def test_a_signed_text_that_is_no_checkpoint_is_refused(rest: str) -> None:
    text = f"{forge.AUTHORITY}/root\n" + rest.format(base64.b64encode(bytes(32)).decode())
    with pytest.raises(Bad):
        trusted(signed(text.encode()))


HEAD = b"c2sp.org/tlog-proof@v1\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not a tlog-proof"),
        (b"\xff\n\n" + GOOD_NOTE, "not a tlog-proof"),
        (b"c2sp.org/tlog-proof@v2\nindex 1\n\n" + GOOD_NOTE, "not a tlog-proof"),
        (HEAD + b"\n" + GOOD_NOTE, "no index line"),
        (HEAD + b"index 01\n\n" + GOOD_NOTE, "no index line"),
        (HEAD + b"extra AAAA\n\n" + GOOD_NOTE, "no index line"),
        (HEAD + b"extra !\nindex 1\n\n" + GOOD_NOTE, "not base64"),
        (HEAD + b"index 1\nAAAA\n\n" + GOOD_NOTE, "63 times 32"),
        (HEAD + b"index 1\n" + base64.b64encode(bytes(32)) * 1 + b"\nx\n\n" + GOOD_NOTE, "not base64"),
        (HEAD + b"index 1\n" + (base64.b64encode(bytes(32)) + b"\n") * 64 + b"\n" + GOOD_NOTE, "63 times 32"),
        (HEAD + b"index 1\n\n" + GOOD_NOTE + b"x" * (1 << 18), "not a tlog-proof"),
        (HEAD + b"index 9223372036854775808\n\n" + GOOD_NOTE, "no index line"),
        (HEAD + b"7\n\n" + GOOD_NOTE, "no index line"),
    ],
)
def test_a_bad_proof_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        verify.read_proof(data, "proof")


def test_an_extra_line_is_read_over() -> None:
    assert verify.read_proof(HEAD + b"extra AAAA\nindex 7\n\n" + GOOD_NOTE, "proof").at == 7


@pytest.mark.parametrize(("extra", "line"), [(b"", 3), (b"extra AAAA\n", 4)])
def test_the_line_of_a_broken_hash_is_named(extra: bytes, line: int) -> None:
    with pytest.raises(Bad) as told:
        verify.read_proof(HEAD + extra + b"index 7\n!\n\n" + GOOD_NOTE, "proof")
    assert told.value.place == f"proof line {line}"


def test_sixteen_signatures_of_post_quantum_size_are_read() -> None:
    """signed-note.md: at least 16 MUST be accepted, and one may have nearly 5 kB."""
    lines = [f"— w{n} {base64.b64encode(bytes(4 + 4_999)).decode()}\n".encode() for n in range(16)]
    note = verify.read_proof(HEAD + b"index 7\n\n" + GOOD_NOTE + b"".join(lines), "proof").note
    assert len(note.lines) == 17


# -- CBOR, COSE


VALUES = st.recursive(
    st.integers(-(2**64), 2**64 - 1)
    | st.binary(max_size=300)
    | st.text(max_size=20)
    | st.booleans()
    | st.none(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.integers().filter(lambda n: abs(n) < 2**63) | st.text(max_size=3), inner, max_size=4
        )
    ),
    max_leaves=8,
)


@given(VALUES)
def test_deterministic_cbor_is_read_as_it_was_written(value: Any) -> None:
    assert verify.read_cbor(forge.cbor(value), "x") == value


@given(st.binary(max_size=64))
def test_any_other_bytes_are_refused_with_a_place(data: bytes) -> None:
    try:
        verify.read_cbor(data, "x")
    except Bad as bad:
        assert bad.place.startswith("x byte ")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("1817", "longer than it need be"),
        ("1900ff", "longer than it need be"),
        ("1a0000ffff", "longer than it need be"),
        ("1b00000000ffffffff", "longer than it need be"),
        ("9fff", "form that is not allowed"),
        ("f90000", "form that is not allowed"),
        ("fb0000000000000000", "form that is not allowed"),
        ("f7", "simple value"),
        ("a10000ff", "bytes after"),
        ("a201000100", "not in order, or twice"),
        ("a202000100", "not in order, or twice"),
        ("a1f500", "map key"),
        ("a1800000", "map key"),
        ("62c328", "not UTF-8"),
        ("42", "ends too early"),
        ("9b7fffffffffffffff", "ends too early"),
        ("", "ends too early"),
        ("81" * 20 + "00", "deeper"),
        ("81d200", "a CBOR tag"),
    ],
)
def test_cbor_in_another_form_is_refused(data: str, reason: str) -> None:
    with pytest.raises(Bad, match=reason):
        verify.read_cbor(bytes.fromhex(data), "x")


def test_byte_strings_are_written_in_the_shortest_form() -> None:
    for size in (0, 23, 24, 255, 256, 65_535, 65_536):
        assert verify.write_cbor_bytes(b"x" * size) == forge.cbor(b"x" * size)


@pytest.mark.parametrize(
    "raw",
    [b"\x80", b"\xd2\x80", forge.cbor([b"", {}, b"", b""]), b"\xd2" + forge.cbor([b"\xa0", {}, b"", b""])],
)
def test_what_is_no_sign1_of_the_profile_is_refused(raw: bytes) -> None:
    with pytest.raises(Bad):
        verify.read_sign1(raw, "x")


def test_keys_of_each_kind_fit_their_own_signatures_only() -> None:
    message = b"signed"
    ed = forge.ed_key("x")
    okp = {1: 1, 3: -8, -1: 6, -2: forge.ed_public(ed)}
    assert verify.cose_fits(okp, ed.sign(message), message, "x")
    assert not verify.cose_fits(okp, ed.sign(b"other"), message, "x")
    big = rsa.generate_private_key(65537, 2048)
    numbers = big.public_key().public_numbers()
    rs = {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: b"\x01\x00\x01"}
    good = big.sign(message, padding.PKCS1v15(), hashes.SHA256())
    assert verify.cose_fits(rs, good, message, "x")
    assert not verify.cose_fits(rs, good, b"other", "x")
    assert not verify.cose_fits(rs | {-2: b"\x02"}, good, message, "x")
    off = {1: 2, 3: -7, -1: 1, -2: b"\x01" * 32, -3: b"\x01" * 32}
    assert not verify.cose_fits(off, good, message, "x")
    with pytest.raises(Bad, match="does not know"):
        verify.cose_fits({1: 7}, b"", message, "x")


def test_ecdsa_is_read_raw_and_as_der() -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.derive_private_key(9, ec.SECP256R1())
    der = key.sign(b"m", ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    raw = r.to_bytes(32, "big") + s.to_bytes(32, "big")
    assert verify.fits("p256", point, der, b"m")
    assert verify.fits("p256", point, raw, b"m")
    assert not verify.fits("p256", point, raw, b"n")
    assert not verify.fits("p256", point, b"", b"m")
    spki = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    assert verify.read_spki(spki, "x") == ("p256", point)
    with pytest.raises(Bad):
        verify.read_spki(spki[:-1], "x")


def test_keys_and_signatures_of_another_size_fit_nothing() -> None:
    key = forge.ed_key("x")
    public, signature = forge.ed_public(key), key.sign(b"m")
    assert verify.ed25519(public, signature, b"m")
    assert not verify.ed25519(public[:31], signature, b"m")
    assert not verify.ed25519(public, signature[:63], b"m")
    assert not verify.ed25519(b"\x01" + bytes(31), signature, b"m")  # the identity


@pytest.mark.parametrize("der", [False, True])
def test_the_signature_of_evidence_is_r_and_s_never_der(der: bool) -> None:
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key, device = ec.derive_private_key(9, ec.SECP256R1()), forge.Device("T4")
    ours = device.evidence(forge.OLD, forge.CONFIG, "4.1.2")[1]
    claims: dict[int, Any] = {
        256: device.ueid,
        267: 3,
        273: [[65001, forge.cbor({1: [["app", forge.OLD, 7]]})]],
    }
    claims |= {-75001: [ours["dlog"][0], bytes.fromhex(ours["dlog"][1])], -75002: ours["ctr"]}
    protected, payload = forge.cbor({1: -9, 4: device.key_id}), forge.cbor(claims)
    message = forge.cbor(["Signature1", protected, b"", payload])
    signature = key.sign(message, ec.ECDSA(hashes.SHA256()))
    if not der:
        signature = b"".join(n.to_bytes(32, "big") for n in decode_dss_signature(signature))
    raw = b"\xd2" + forge.cbor([protected, {}, payload, signature])
    data = {"kind": "device.evidence", "seq": 1, "at": 0, "subj": device.subject, "by": "s:x", "facts": ours}
    item = forge.cbor([device.ueid, 1, raw, 0])
    leaf = verify.Leaf("leaf", "fleet/0", 1, b"", data, item)
    point = key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    known = [verify.DeviceKey(leaf, "p256", point, device.key_id, device.ueid, "", "")]
    if der:
        with pytest.raises(Bad, match="does not fit the key"):
            verify.read_evidence(leaf, known)
    else:
        assert verify.read_evidence(leaf, known).claims[-75002] == 1
