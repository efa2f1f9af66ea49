"""The logs' and bundles' part of the OpenAPI document."""

from datetime import datetime
from typing import Any

from ninja import Schema


class LogOut(Schema):
    """A log at its newest checkpoint. `waiting`: entries that are durable and not yet under one."""

    origin: str
    vkey: str
    size: int
    root: str
    published_at: datetime | None
    waiting: int


class CheckpointOut(Schema):
    """A checkpoint, and the signed note that it is read from."""

    size: int
    root: str
    published_at: datetime
    note: str


class LogEntryOut(Schema):
    """An entry of a log. `hash`: its leaf hash; `leaf`: what its bytes say (docs/formats/log.md).

    `about`: the number of the record, or the serial number of the device, that it is about, where this caller may see
    it.
    """

    index: int
    hash: str
    leaf: dict[str, Any]
    about: str


class ProofOut(Schema):
    """Two tlog-proof files: the leaf in its log, and that log's checkpoint in the root log."""

    origin: str
    index: int
    leaf: str
    proof: str
    root_leaf: str
    root_proof: str


class PropertyOut(Schema):
    """One of the five properties. `allowed`: whether the policy takes this verdict."""

    property: str
    verdict: str
    place: str
    reason: str
    allowed: bool


class BundleFinding(Schema):
    check: str
    property: str
    verdict: str
    place: str
    reason: str


class VerificationOut(Schema):
    """What `vouchsafe verify --json` prints of the same bundle. `exit`: 0 verified, 1 not."""

    record: str
    title: str
    bundle_sha256: str
    properties: list[PropertyOut]
    checked: dict[str, int]
    findings: list[BundleFinding]
    signatures: list[dict[str, Any]]
    devices: list[dict[str, Any]]
    exit: int
