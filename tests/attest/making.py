"""Good evidence with a handle on each part, so that a test can break exactly one."""

from __future__ import annotations

import hashlib
from typing import Any

from vouchsafe.agent.signer import Ed25519Signer, P256Signer
from vouchsafe.attest import batch, devicelog, keys, reference, verify
from vouchsafe.attest.formats import cose, eat
from vouchsafe.ledger import tree


def digest(name: str) -> bytes:
    return hashlib.sha256(name.encode()).digest()


NOW_MS = 1_766_361_601_000
NONCE, IMAGE, IMAGE_NEW, LOADER, CONFIG, RUNTIME = map(
    digest, ("nonce", "image", "image new", "loader", "config", "runtime")
)
SIGNER = Ed25519Signer(digest("device"))
KEY = keys.record(SIGNER.alg, SIGNER.public, origin="secure_element", assurance="high")
OLD_BUILD = reference.Reference("b412", "4.1.2", 4, frozenset([CONFIG]))
NEW_BUILD = reference.Reference("b421", "4.2.1", 5, frozenset([CONFIG]))
REFERENCE = reference.make(
    {IMAGE: OLD_BUILD, IMAGE_NEW: NEW_BUILD},
    stages=frozenset([LOADER]),
    hw_models=frozenset([b"Tarn 4"]),
    ix=7,
)
POLICY = verify.AppraisalPolicy({NONCE: verify.NonceBounds(NOW_MS - 60_000)})
PREVIOUS = digest("previous evidence")
ENTRIES = [devicelog.encode_entry(devicelog.ATTESTED, n, [n, NONCE]) for n in range(20)]
HASHES = [tree.leaf_hash(entry) for entry in ENTRIES]


def head(size: int) -> tuple[int, bytes]:
    return size, tree.root(HASHES[:size])


def part(old: int, new: int) -> batch.LogPart:
    return batch.LogPart(old, tuple(tree.consistency_proof(old, HASHES[:new])), tuple(ENTRIES[old:new]))


PRIOR = verify.Prior(10, 3, 10, head(10)[1], PREVIOUS, 4, NOW_MS - 86_400_000)


def claims(**changed: Any) -> eat.Claims:
    size, root = head(13)
    good = eat.Claims(
        ueid=KEY.ueid, nonce=NONCE, profile=eat.PROFILE, bootcount=3, counter=11, dlog_size=size, dlog_root=root,
        stages=(eat.Stage("loader", LOADER, 1), eat.Stage("firmware", IMAGE, 4)), config=CONFIG, iat_s=NOW_MS // 1000 - 1,
        previous=PREVIOUS, epoch=0, hw_model=b"Tarn 4", hw_version=("2",), uptime_s=300, oem_boot=True, dbg_stat=3,
        sw_version="4.1.2",
    )  # fmt: skip
    return good._replace(**changed)


def token(said: eat.Claims | None = None, *, signer: Ed25519Signer | P256Signer = SIGNER, protected: bytes | None = None,
          payload: bytes | None = None) -> bytes:  # fmt: skip
    payload = payload if payload is not None else eat.build_payload(said or claims())
    if protected is None:
        protected = cose.protect(signer.alg, keys.key_id(keys.spki(signer.alg, signer.public)))
    return cose.assemble(protected, payload, signer.sign(cose.to_be_signed(protected, payload)))


GOOD: dict[str, Any] = {
    "key": KEY,
    "prior": PRIOR,
    "reference": REFERENCE,
    "policy": POLICY,
    "at_ms": NOW_MS,
    "log": part(10, 13),
}


def check(raw: bytes | None = None, **changed: Any) -> verify.Appraisal:
    return verify.check(token() if raw is None else raw, **{**GOOD, **changed})
