"""Public keys in each form: read to the same key, and refused at their place."""

import base64
import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.attest.errors import Malformed, NotVerified
from vouchsafe.attest.formats import anykey, cbor

PRIVATE = {
    "P-256": ec.derive_private_key(7, ec.SECP256R1()),
    "P-384": ec.derive_private_key(7, ec.SECP384R1()),
    "P-521": ec.derive_private_key(7, ec.SECP521R1()),
    "Ed25519": ed25519.Ed25519PrivateKey.from_private_bytes(b"\x07" * 32),
    "Ed448": ed448.Ed448PrivateKey.from_private_bytes(b"\x07" * 57),
}
COSE_CURVES = {"P-256": 1, "P-384": 2, "P-521": 3, "Ed25519": 6, "Ed448": 7}
KINDS = pytest.mark.parametrize("kind", PRIVATE)


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def certificate(private):
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "a device")])
    day = datetime.datetime(2026, 1, 1)
    builder = x509.CertificateBuilder(name, name, private.public_key(), 1, day, day + datetime.timedelta(1))
    return builder.sign(private, None if hasattr(private, "private_bytes_raw") else hashes.SHA256())


def halves(kind):
    raw = anykey._of(PRIVATE[kind].public_key()).raw()
    return (raw, None) if kind.startswith("Ed") else (raw[1 : 1 + len(raw) // 2], raw[1 + len(raw) // 2 :])


def forms(kind):
    public = PRIVATE[kind].public_key()
    encoding, spki = serialization.Encoding, serialization.PublicFormat.SubjectPublicKeyInfo
    x, y = halves(kind)
    key = {1: 1 if y is None else 2, -1: COSE_CURVES[kind], -2: x}
    jwk = {
        "kty": "OKP" if y is None else "EC",
        "crv": kind,
        "x": b64(x),
        "kid": "a name",
        "d": "not looked at",
    }
    yield "pem", public.public_bytes(encoding.PEM, spki)
    yield "pem after a line", b"a device\n" + public.public_bytes(encoding.PEM, spki)
    yield "der", public.public_bytes(encoding.DER, spki)
    yield "certificate", certificate(PRIVATE[kind]).public_bytes(encoding.PEM)
    yield "certificate in der", certificate(PRIVATE[kind]).public_bytes(encoding.DER)
    yield "jwk", json.dumps(jwk if y is None else jwk | {"y": b64(y)}, indent=1).encode()
    yield "cose", cbor.encode(key if y is None else key | {-3: y})
    yield "cose, to verify", cbor.encode((key if y is None else key | {-3: y}) | {4: [2]})
    if y is not None:
        yield "cose, compressed", cbor.encode(key | {-3: bool(y[-1] & 1)})


@KINDS
def test_each_form_gives_the_same_key(kind):
    expected = anykey._of(PRIVATE[kind].public_key()).raw()
    for name, data in FORMS[kind]:
        found = anykey.read(data)
        assert (found.kind, found.raw()) == (kind, expected), name


FORMS = {kind: list(forms(kind)) for kind in PRIVATE}
SIGNING = {
    -7: ("P-256", hashes.SHA256()), -9: ("P-256", hashes.SHA256()), -35: ("P-384", hashes.SHA384()),
    -51: ("P-384", hashes.SHA384()), -36: ("P-521", hashes.SHA512()), -52: ("P-521", hashes.SHA512()),
    -8: ("Ed25519", None), -19: ("Ed25519", None), -53: ("Ed448", None),
}  # fmt: skip


def signature(kind, hash_, message):
    if hash_ is None:
        return PRIVATE[kind].sign(message)
    size = (PRIVATE[kind].key_size + 7) // 8
    r, s = decode_dss_signature(PRIVATE[kind].sign(message, ec.ECDSA(hash_)))
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


@pytest.mark.parametrize("alg", SIGNING)
def test_each_algorithm_verifies_what_it_signed_and_nothing_else(alg):
    kind, hash_ = SIGNING[alg]
    key, made = anykey._of(PRIVATE[kind].public_key()), signature(kind, hash_, b"text")
    key.verify(alg, b"text", made)
    key._replace(alg=alg).verify(alg, b"text", made)
    for message, shown in ((b"other", made), (b"text", made[:-1]), (b"text", made + b"\x00"), (b"text", b"")):
        with pytest.raises(NotVerified, match="does not hold"):
            key.verify(alg, message, shown)
    for other in set(SIGNING) - {alg}:
        if SIGNING[other][0] != kind and other not in (-7, -35, -36):
            if {kind, other} == {"Ed448", -8}:  # EdDSA leaves the curve to the key
                continue
            with pytest.raises(NotVerified, match="the message names"):
                key.verify(other, b"text", made)


def test_a_hash_is_the_messages_and_the_curve_is_the_keys():
    """RFC 9053 2.1: ES256 names SHA-256; which curve it goes with is suggested, not prescribed."""
    made = signature("P-384", hashes.SHA256(), b"text")
    anykey._of(PRIVATE["P-384"].public_key()).verify(-7, b"text", made)


def test_a_key_that_came_with_an_algorithm_verifies_no_other():
    x, y = halves("P-256")
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(x), "y": b64(y), "alg": "ES256"}
    key = anykey.from_jwk(jwk)
    assert key.alg == -7
    with pytest.raises(
        NotVerified, match="the message names ESP256, the key is one of P-256 for ES256 alone"
    ):
        key.verify(-9, b"text", signature("P-256", hashes.SHA256(), b"text"))
    assert anykey.from_cose_key({1: 2, 3: -9, -1: 1, -2: x, -3: y}).alg == -9


X, Y = halves("P-256")
ED = halves("Ed25519")[0]
SECRET = PRIVATE["Ed25519"].private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
RSA = rsa.generate_private_key(65537, 2048).public_key()
OTHER_CURVE = ec.derive_private_key(7, ec.SECP256K1()).public_key()


def pem(public):
    return public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize(
    ("data", "place", "got"),
    [
        (b"", "key", "0 other bytes"),
        (b"text", "key", "4 other bytes"),
        (SECRET, "key", "a private key; keep it where it belongs"),
        (b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n", "key", "PEM that does not hold one"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "key", "PEM that does not hold one"),
        (b"-----BEGIN", "key", "PEM that does not hold one"),
        (b"\x30\x03\x02\x01\x01", "key", "DER of something else"),
        (pem(RSA), "key", "RSAPublicKey"),
        (pem(OTHER_CURVE), "key", "one on secp256k1"),
        (b"{", "key", "no JSON"),
        (b"{" * 100_000, "key", "no JSON"),
        (b'{"kty":"RSA"}', "JWK", "'RSA', None"),
        (b'{"kty":"EC","crv":"secp256k1"}', "JWK", "'EC', 'secp256k1'"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": b64(X)}).encode(), "JWK y", "None"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": b64(X), "y": b64(Y) + "="}).encode(), "JWK y", "'"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": b64(X[1:]), "y": b64(Y)}).encode(), "JWK", "x of 31 bytes"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": b64(Y), "y": b64(X)}).encode(), "JWK", "another point"),
        (json.dumps({"kty": "EC", "crv": "P-256", "x": b64(bytes(32)), "y": b64(bytes(32))}).encode(), "JWK", "another point"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(ED[:-1])}).encode(), "JWK x", "31 bytes"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(bytes(32))}).encode(), "JWK x", "a point of low order"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": "A"}).encode(), "JWK x", "'A'"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(ED), "alg": "ES256"}).encode(), "JWK alg", "'ES256'"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(ED), "use": "enc"}).encode(), "JWK use", "'enc'"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(ED), "key_ops": ["sign"]}).encode(), "JWK key_ops", "['sign']"),
        (json.dumps({"kty": "OKP", "crv": "Ed25519", "x": b64(ED), "key_ops": "verify"}).encode(), "JWK key_ops", "'verify'"),
        (b"\xa0", "COSE_Key x", "NoneType"),
        (b"\xa1\x01", "key at byte 2", "the end"),
        (cbor.encode({1: 2, -1: 1, -2: X}), "COSE_Key y", "NoneType"),
        (cbor.encode({1: 2, -1: 6, -2: X}), "COSE_Key", "kty 2, crv 6"),
        (cbor.encode({1: 1, -1: 6, -2: ED, 4: [1]}), "COSE_Key key_ops", "[1]"),
        (cbor.encode({1: 1, -1: 6, -2: ED, 3: -7}), "COSE_Key alg", "-7"),
        (cbor.encode({1: 1, -1: 6, -2: ED + b"x"}), "COSE_Key x", "33 bytes"),
        (cbor.encode({1: 2, -1: 1, -2: b"\xff" * 32, -3: True}), "COSE_Key", "another point"),
    ],
)  # fmt: skip
def test_what_is_no_public_key_is_refused_at_its_place(data, place, got):
    with pytest.raises(Malformed) as refused:
        anykey.read(data)
    assert refused.value.place == place
    assert refused.value.got.startswith(got)
    assert b"PRIVATE" not in str(refused.value).encode()


def test_a_jwk_that_says_it_is_for_verifying_is_read():
    found = {"kty": "OKP", "crv": "Ed25519", "x": b64(ED), "use": "sig", "key_ops": ["sign", "verify"]}
    assert anykey.from_jwk(found).raw() == ED


def test_a_cose_key_that_is_no_map_and_a_list_as_json_are_refused():
    for read, found in ((anykey.from_cose_key, [1]), (anykey._json, b"[]")):
        with pytest.raises(Malformed):
            read(found)


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_mutated_keys_are_read_or_malformed(data):
    kind = data.draw(st.sampled_from(sorted(PRIVATE)))
    _, raw = data.draw(st.sampled_from(FORMS[kind]))
    raw = bytearray(raw)
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at : at + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    try:
        anykey.read(bytes(raw))
    except Malformed:
        return
