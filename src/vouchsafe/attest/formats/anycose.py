"""Signed COSE messages of others (RFC 9052): COSE_Sign1 and COSE_Sign, tagged or not, read and verified.

`read` gives the parts and trusts nothing; `Message.verified` gives the payload once a signature of the given key
holds. Algorithms: ES256, ES384, ES512 (and ESP256, ESP384, ESP512), EdDSA with Ed25519 and Ed448. Encrypted and MACed
messages are not read: `NotRead` says which kind came. Our own evidence is narrower; it is read by `formats.eat`.

>>> from vouchsafe.attest.formats import anykey
>>> example = bytes.fromhex(  # RFC 8152, appendix C.2.1
...     "d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c465ab05aac34cc6b23d58fef5c08"
...     "3106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a223444547e01f11d3b0916e5a4c345cacb36")
>>> key = anykey.from_jwk({"kty": "EC", "crv": "P-256", "x": "usWxHK2PmfnHKwXPS54m0kTcGJ90UiglWiGahtagnv8",
...     "y": "IBOL-C3BttVivg-lSreASjpkttcsz-1rb7btKLv8EX4"})
>>> read(example).verified(key)
b'This is the content.'
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from vouchsafe.attest import limits
from vouchsafe.attest.errors import Malformed, NotRead, NotVerified
from vouchsafe.attest.formats import anycbor, cbor
from vouchsafe.attest.formats.anykey import Key

ALG, CRIT, CONTENT_TYPE, KID = 1, 2, 3, 4
SIGN1, SIGN = "COSE_Sign1", "COSE_Sign"
TAGS = {18: SIGN1, 98: SIGN}
CWT = 61
OTHERS = {
    16: "COSE_Encrypt0",
    96: "COSE_Encrypt",
    17: "COSE_Mac0",
    97: "COSE_Mac",
    CWT: "a CWT without the tag of its message",
}
# Labels that every implementation must understand, so `crit` need not name them (RFC 9052 3.1).
_UNDERSTOOD = frozenset(range(8))


class Signature(NamedTuple):
    """One signature with the headers of its signer; for COSE_Sign1 they are those of the message."""

    protected: bytes
    headers: Mapping[Any, Any]
    unprotected: Mapping[Any, Any]
    signature: bytes

    @property
    def alg(self) -> Any:
        """The algorithm that the message names, protected or not; None for none."""
        return self.headers.get(ALG, self.unprotected.get(ALG))


class Message(NamedTuple):
    """The parts of a signed message as they came, nothing verified. `payload` None: it is detached."""

    kind: str
    tagged: bool
    protected: bytes
    headers: Mapping[Any, Any]
    unprotected: Mapping[Any, Any]
    payload: bytes | None
    signatures: tuple[Signature, ...]

    def signed_bytes(
        self, by: Signature, *, external_aad: bytes = b"", payload: bytes | None = None
    ) -> bytes:
        """The Sig_structure of one signature (RFC 9052 4.4)."""
        content = self.payload if payload is None else payload
        if content is None:
            raise NotVerified("the payload is detached and was not given")
        parts = [_bucket(self.protected)]
        if self.kind == SIGN:
            parts.append(_bucket(by.protected))
        parts += [external_aad, content]
        context = b"\x6aSignature1" if self.kind == SIGN1 else b"\x69Signature"
        return bytes([0x81 + len(parts)]) + context + b"".join(map(cbor.encode_bytes, parts))

    def verified(
        self,
        key: Key,
        *,
        external_aad: bytes = b"",
        payload: bytes | None = None,
        understood: Collection[int | str] = (),
    ) -> bytes:
        """The payload, when a signature of this key holds. `payload` is for detached ones, `understood` names the
        critical headers that the caller knows what to do with.

        Raises: NotVerified, with the reason.
        """
        if self.payload is not None and payload is not None:
            raise NotVerified("a payload was given, but the message carries its own")
        _check_critical(self.headers, self.unprotected, understood)
        reasons = []
        for number, one in enumerate(self.signatures, 1):
            try:
                _check_critical(one.headers, one.unprotected, understood)
                signed = self.signed_bytes(one, external_aad=external_aad, payload=payload)
                key.verify(one.alg, signed, one.signature)
            except NotVerified as error:
                reasons.append(str(error) if self.kind == SIGN1 else f"signature {number}: {error}")
                continue
            content = self.payload if payload is None else payload
            assert content is not None  # `signed_bytes` has refused the other case
            return content
        raise NotVerified("; ".join(reasons))


def read(raw: bytes, *, place: str = "message") -> Message:
    """The parts of the one COSE_Sign1 or COSE_Sign that fills `raw`.

    Without a tag four elements whose last is a byte string are a COSE_Sign1, with an array a COSE_Sign. The tag of a
    CWT may stand before that of the message.

    Raises: Malformed; NotRead for another COSE message.
    """
    value = anycbor.decode(raw, place)
    tag = None
    if isinstance(value, anycbor.Tagged):
        tag, value = value
        if tag == CWT and isinstance(value, anycbor.Tagged):  # RFC 8392 6: before the tag of the message
            tag, value = value
        if tag in OTHERS:
            raise NotRead(place, "COSE_Sign1 (tag 18) or COSE_Sign (tag 98)", f"{OTHERS[tag]} (tag {tag})")
        if tag not in TAGS:
            raise Malformed(place, "CBOR tag 18 (COSE_Sign1) or 98 (COSE_Sign)", f"tag {tag}")
    if not isinstance(value, list) or len(value) != 4:
        raise Malformed(place, "an array of four", _kind(value))
    protected, unprotected, payload, last = value
    kind = TAGS[tag] if tag is not None else SIGN if isinstance(last, list) else SIGN1
    headers = _headers(protected, unprotected, place)
    if payload is not None and not isinstance(payload, bytes):
        raise Malformed(f"{place} payload", "a byte string or null", _kind(payload))
    if kind == SIGN1:
        # A COSE_Mac0 without its tag has the same shape: what tells them apart is the algorithm.
        signatures = (Signature(protected, headers, unprotected, _bytes(last, f"{place} signature")),)
        return Message(kind, tag is not None, protected, headers, unprotected, payload, signatures)
    if not isinstance(last, list) or not 1 <= len(last) <= limits.MAX_FOREIGN_SIGNATURES:
        raise Malformed(
            f"{place} signatures", f"an array of 1 to {limits.MAX_FOREIGN_SIGNATURES}", _kind(last)
        )
    signed = tuple(_signature(one, f"{place} signature {number}") for number, one in enumerate(last, 1))
    return Message(kind, tag is not None, protected, headers, unprotected, payload, signed)


def _signature(value: Any, place: str) -> Signature:
    if not isinstance(value, list) or len(value) != 3:
        raise Malformed(place, "an array of three", _kind(value))
    protected, unprotected, signature = value
    return Signature(
        protected, _headers(protected, unprotected, place), unprotected, _bytes(signature, place)
    )


def _headers(protected: Any, unprotected: Any, place: str) -> dict[Any, Any]:
    """The protected headers, when both buckets are what RFC 9052 3 asks for."""
    raw = _bytes(protected, f"{place} protected header")
    headers = anycbor.decode(raw, f"{place} protected header") if raw else {}
    for bucket, name in ((headers, "protected"), (unprotected, "unprotected")):
        if not isinstance(bucket, dict):
            raise Malformed(f"{place} {name} header", "a map", _kind(bucket))
        for label in bucket:
            if isinstance(label, bytes):
                raise Malformed(f"{place} {name} header", "labels that are integers or text", "a byte string")
    both = headers.keys() & unprotected.keys()
    if both:  # RFC 9052 3: a label in both buckets is malformed
        raise Malformed(
            f"{place} unprotected header",
            "labels that the protected header lacks",
            f"label {min(map(str, both))}",
        )
    return dict(headers)


def _check_critical(
    headers: Mapping[Any, Any], unprotected: Mapping[Any, Any], understood: Collection[int | str]
) -> None:
    """Returns when every critical header is there and understood. Source: RFC 9052 3.1, `crit`."""
    if CRIT in unprotected:
        raise NotVerified("crit stands in the unprotected header, where anybody can take it out")
    if CRIT not in headers:
        return
    labels = headers[CRIT]
    if not isinstance(labels, list) or not labels:
        raise NotVerified("crit is not an array of labels")
    for label in labels:
        if type(label) not in (int, str) or label not in headers:
            raise NotVerified(f"crit names {label!r:.40}, which is not in the protected header")
        if label not in _UNDERSTOOD and label not in understood:
            raise NotVerified(f"the critical header {label!r:.40} is not understood")


def _bucket(protected: bytes) -> bytes:
    """An empty protected map counts as a zero-length string, however it came (RFC 9052 4.4)."""
    return b"" if protected == b"\xa0" else protected


def _bytes(value: Any, place: str) -> bytes:
    if not isinstance(value, bytes):
        raise Malformed(place, "a byte string", _kind(value))
    return value


def _kind(value: Any) -> str:
    if isinstance(value, list):
        return f"an array of {len(value)}"
    names = {dict: "a map", bytes: "a byte string", str: "text", int: "an integer", type(None): "null"}
    return names.get(type(value), f"a {type(value).__name__.lower()}")
