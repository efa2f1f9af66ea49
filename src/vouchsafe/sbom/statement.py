"""in-toto statements that bind an SBOM to a firmware image by the image's SHA-256.

The SBOM goes in as the bytes it is and comes out as the same bytes: its hash does not change by being signed.
Layout and reasons: docs/formats/release.md. Source: in-toto attestation framework v1, predicate types CycloneDX
and SPDX.
"""

import json
import re
from dataclasses import dataclass

from vouchsafe.sbom import dsse, jsontext, reading
from vouchsafe.sbom.errors import Malformed, NotBound, NotRead, shown
from vouchsafe.sbom.limits import DEFAULT, Limits
from vouchsafe.sbom.model import Sbom

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://cyclonedx.org/bom"
PREDICATE_TYPES = {"CycloneDX": PREDICATE_TYPE, "SPDX": "https://spdx.dev/Document"}

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Subject:
    """One image: its name and the hex SHA-256 of its bytes."""

    name: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement about images. `predicate` is the SBOM's bytes as they stand in the payload."""

    subjects: tuple[Subject, ...]
    predicate_type: str
    predicate: bytes


@dataclass(frozen=True, slots=True)
class Release:
    """A verified statement: which images, by which keys, and their SBOM read."""

    subjects: tuple[Subject, ...]
    key_ids: tuple[str, ...]
    sbom_bytes: bytes
    sbom: Sbom


def make(image_name: str, image_sha256: str, sbom: bytes, *, limits: Limits = DEFAULT) -> bytes:
    """The payload that says: the image of this digest consists of what this SBOM lists.

    Raises:
        NotRead: the SBOM is no JSON, so it can't stand in a statement as the bytes it is.
        Malformed: the SBOM can't be read, the digest is no SHA-256, or the name is empty.
    """
    if not image_name:
        raise Malformed("image name", "a name", "nothing")
    if not _SHA256.fullmatch(image_sha256):
        raise Malformed("image digest", "64 lower-case hexadecimal digits", shown(image_sha256))
    if sbom.startswith(b"\xef\xbb\xbf"):
        raise Malformed("byte 0", "an SBOM without byte order mark, so that it can stand inside JSON", "one")
    said = reading.read(sbom, limits=limits)
    if not jsontext.is_json(sbom):
        raise NotRead(
            "line 1 column 1", "an SBOM as JSON, to stand in a statement as it is", "another syntax"
        )
    head = {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": image_name, "digest": {"sha256": image_sha256}}],
        "predicateType": PREDICATE_TYPES[said.format],
    }
    text = json.dumps(head, ensure_ascii=True, separators=(",", ":")).encode()
    return text[:-1] + b',"predicate":' + sbom + b"}"


def parse(payload: bytes, *, limits: Limits = DEFAULT) -> Statement:
    """The statement in a payload that was verified.

    Raises:
        Malformed: no in-toto statement v1 about SHA-256 digests.
    """
    value = jsontext.parse(payload, limits=limits)
    if not isinstance(value, dict):
        raise Malformed("$", "an in-toto statement (an object)", shown(value))
    if value.get("_type") != STATEMENT_TYPE:
        raise Malformed("$._type", shown(STATEMENT_TYPE), shown(value.get("_type")))
    predicate_type = value.get("predicateType")
    if not isinstance(predicate_type, str):
        raise Malformed("$.predicateType", "text", shown(predicate_type))
    raw = value.get("subject")
    if not isinstance(raw, list) or not raw:
        raise Malformed("$.subject", "at least one subject", shown(raw) if raw != [] else "none")
    subjects = []
    for i, item in enumerate(raw):
        digest = item.get("digest") if isinstance(item, dict) else None
        sha256 = digest.get("sha256") if isinstance(digest, dict) else None
        if not isinstance(sha256, str) or not _SHA256.fullmatch(sha256):
            raise Malformed(
                f"$.subject[{i}].digest.sha256", "64 lower-case hexadecimal digits", shown(sha256)
            )
        name = item.get("name", "")
        if not isinstance(name, str):
            raise Malformed(f"$.subject[{i}].name", "text", shown(name))
        subjects.append(Subject(name, sha256))
    if not isinstance(value.get("predicate"), dict):
        raise Malformed("$.predicate", "an object", shown(value.get("predicate")))
    return Statement(tuple(subjects), predicate_type, jsontext.spans(payload)["predicate"])


def sign_release(
    image_name: str, image_sha256: str, sbom: bytes, key: dsse.PrivateKey, *, limits: Limits = DEFAULT
) -> bytes:
    """The signed envelope of `make`: what the release step of the manufacturer hands on.

    Raises:
        Malformed: as `make`.
    """
    return dsse.sign(PAYLOAD_TYPE, make(image_name, image_sha256, sbom, limits=limits), [key])


def check_release(
    envelope: bytes,
    keys: tuple[dsse.PublicKey, ...],
    *,
    image_sha256: str | None = None,
    limits: Limits = DEFAULT,
) -> Release:
    """The SBOM that a trusted key bound to an image; with `image_sha256`, only if it is this image.

    Raises:
        Malformed: no envelope, statement or SBOM.
        BadSignature: no trusted key signed it.
        NotBound: it is signed, but about another image.
    """
    verified = dsse.verify(envelope, keys, payload_type=PAYLOAD_TYPE, limits=limits)
    said = parse(verified.payload, limits=limits)
    if said.predicate_type not in PREDICATE_TYPES.values():
        wanted = " or ".join(shown(t) for t in PREDICATE_TYPES.values())
        raise Malformed("$.predicateType", wanted, shown(said.predicate_type))
    if image_sha256 is not None and image_sha256 not in {s.sha256 for s in said.subjects}:
        got = ", ".join(s.sha256 for s in said.subjects)
        raise NotBound(f"$.subject: expected the image {image_sha256}, got {got}")
    sbom = reading.read(said.predicate, limits=limits)
    if PREDICATE_TYPES[sbom.format] != said.predicate_type:
        raise Malformed("$.predicateType", shown(PREDICATE_TYPES[sbom.format]), shown(said.predicate_type))
    return Release(said.subjects, verified.key_ids, said.predicate, sbom)
