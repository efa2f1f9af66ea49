"""ECDSA at its edges: r and s out of range, the other s, DER that is not strict, points that are no keys."""

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from vouchsafe.ledger import ecdsa

MESSAGE = b"text"
PRIVATE = {name: ec.derive_private_key(7, found.curve) for name, found in ecdsa.CURVES.items()}
NAMES = pytest.mark.parametrize("name", ecdsa.CURVES)


def made(name, hash_=None):
    return decode_dss_signature(PRIVATE[name].sign(MESSAGE, ec.ECDSA(hash_ or hashes.SHA256())))


def raw(name, r, s):
    size = ecdsa.CURVES[name].size
    return r.to_bytes(size, "big") + s.to_bytes(size, "big")


def holds(name, signature):
    return ecdsa.is_valid(PRIVATE[name].public_key(), MESSAGE, signature)


@NAMES
def test_the_order_is_that_of_the_curve(name):
    """n - 1 times the generator is its negative, so n is right: the x is the generator's."""
    found = ecdsa.CURVES[name]
    one, last = (
        ec.derive_private_key(k, found.curve).public_key().public_numbers() for k in (1, found.order - 1)
    )
    assert one.x == last.x and one.y != last.y


@NAMES
def test_both_s_are_taken(name):
    """The decided rule: FIPS 186-5 asks for no lower s, and secure elements do not make one."""
    r, s = made(name)
    assert holds(name, raw(name, r, s)) and holds(name, raw(name, r, ecdsa.CURVES[name].order - s))


@NAMES
def test_r_and_s_outside_1_to_n_are_refused(name):
    r, s = made(name)
    n, most = ecdsa.CURVES[name].order, (1 << 8 * ecdsa.CURVES[name].size) - 1
    for wrong in (
        (0, s),
        (r, 0),
        (0, 0),
        (n, s),
        (r, n),
        (n, n),
        (most, s),
        (r, most),
        (1, 1),
        (n - 1, n - 1),
    ):
        assert not holds(name, raw(name, *wrong)), wrong
    for over in ((r + n, s), (r, s + n)):  # the same numbers modulo n
        if max(over) <= most:
            assert not holds(name, raw(name, *over))
        assert ecdsa.raw_of_der(encode_dss_signature(*over), name) is None


@NAMES
def test_another_length_is_refused(name):
    good = raw(name, *made(name))
    for wrong in (b"", good[:-1], good + b"\x00", b"\x00" + good, good[: len(good) // 2], good * 2):
        assert not holds(name, wrong)


def der(*parts):
    body = b"".join(parts)
    return b"\x30" + bytes([len(body)]) + body


def number(value, pad=b""):
    body = pad + value.to_bytes((value.bit_length() // 8) + 1, "big")
    return b"\x02" + bytes([len(body)]) + body


def test_der_becomes_r_and_s_of_fixed_length():
    r, s = made("P-256")
    assert der(number(r), number(s)) == encode_dss_signature(r, s)
    assert ecdsa.raw_of_der(encode_dss_signature(r, s), "P-256") == raw("P-256", r, s)
    assert ecdsa.raw_of_der(encode_dss_signature(1, 1), "P-256") == raw("P-256", 1, 1)


R, S = made("P-256")
N = ecdsa.CURVES["P-256"].order


NOT_STRICT = [
    b"", b"\x30", b"\x30\x00", der(number(R)), der(number(R), number(S), number(1)), der(number(R), number(S)) + b"\x00",
    der(number(R, b"\x00"), number(S)),  # a needless zero in front
    der(b"\x02\x20" + N.to_bytes(32, "big"), number(S)),  # negative: the high bit stands
    b"\x30\x81" + der(number(R), number(S))[1:],  # BER: a long length
    b"\x30\x80" + number(R) + number(S) + b"\x00\x00",  # BER: an indefinite length
    b"\x31" + der(number(R), number(S))[1:], der(b"\x04" + number(R)[1:], number(S)), der(b"\x02\x00", number(S)),
    der(number(0), number(S)), der(number(R), number(0)), der(number(N), number(S)), der(number(R), number(N)),
    encode_dss_signature(1 << 256, 1), encode_dss_signature(1, 1 << 4000), der(b"\x05\x00", number(S)), der(b"\x09\x03\x80\x00\x01", number(S)),
]  # fmt: skip


@pytest.mark.parametrize("signature", NOT_STRICT, ids=range(len(NOT_STRICT)))
def test_der_that_is_not_strict_is_refused(signature):
    assert ecdsa.raw_of_der(signature, "P-256") is None


@NAMES
def test_points_that_are_no_keys_are_refused(name):
    size = ecdsa.CURVES[name].size
    good = PRIVATE[name].public_key().public_numbers()
    x, y = good.x.to_bytes(size, "big"), good.y.to_bytes(size, "big")
    assert ecdsa.public_key(name, b"\x04" + x + y) == PRIVATE[name].public_key()
    assert ecdsa.public_key(name, bytes([2 + (good.y & 1)]) + x) == PRIVATE[name].public_key()
    off = bytes(size - 1) + b"\x05"
    ones = b"\xff" * size
    for wrong in (
        b"", b"\x00", b"\x04", b"\x00" + x + y, b"\x04" + x + off, b"\x04" + bytes(2 * size), b"\x04" + ones + y,
        b"\x04" + x + ones, b"\x02" + ones, b"\x06" + x + y, b"\x07" + x + y, b"\x04" + x + y[:-1], b"\x04" + x + y + b"\x00", b"\x05" + x,
    ):  # fmt: skip
        assert ecdsa.public_key(name, wrong) is None, wrong[:1].hex()


def test_another_curve_is_never_valid():
    private = ec.derive_private_key(7, ec.SECP256K1())
    assert ecdsa.curve_of(private.public_key()) is None
    r, s = decode_dss_signature(private.sign(MESSAGE, ec.ECDSA(hashes.SHA256())))
    assert not ecdsa.is_valid(private.public_key(), MESSAGE, raw("P-256", r, s))
