"""How fast evidence is appraised, beside raw signature verification in the same run.

    python bench/check.py [--items 2000] [--rounds 9] [--json]

Both are timed in turns, in CPU seconds of one process; the median of the rounds is printed. Each item is
another device's with its own key; all run one build in one configuration, as most of a fleet does.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable

from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

from vouchsafe.attest import batch, devicelog, keys, reference, verify
from vouchsafe.attest.formats import cose, eat
from vouchsafe.ledger import tree

NOW_MS = 1_766_361_601_000
NONCE = hashlib.sha256(b"nonce").digest()
IMAGE, LOADER, CONFIG = (hashlib.sha256(name).digest() for name in (b"image", b"loader", b"config"))


def one_item(number: int) -> tuple[keys.KeyRecord, verify.Prior, batch.Item, bytes, bytes]:
    """Key, prior, item, and (signature || message, public key) for the raw verification of one device."""
    public, secret = crypto_sign_seed_keypair(hashlib.sha256(b"bench %d" % number).digest())
    key = keys.record(keys.ED25519, public, origin="secure_element", assurance="high")
    old = 60 + number % 200
    entries = [devicelog.encode_entry(devicelog.ATTESTED, n, [n, NONCE]) for n in range(old + 2)]
    hashes = [tree.leaf_hash(entry) for entry in entries]
    previous = hashlib.sha256(b"previous %d" % number).digest()
    claims = eat.Claims(
        ueid=key.ueid,
        nonce=NONCE,
        profile=eat.PROFILE,
        bootcount=3,
        counter=old + 1,
        dlog_size=old + 2,
        dlog_root=tree.root(hashes),
        stages=(eat.Stage("loader", LOADER, 1), eat.Stage("firmware", IMAGE, 4)),
        config=CONFIG,
        iat_s=NOW_MS // 1000,
        previous=previous,
        hw_model=b"Tarn 4",
        hw_version=("2",),
        uptime_s=300,
        oem_boot=True,
        dbg_stat=3,
        sw_version="4.1.2",
    )
    payload, protected = eat.build_payload(claims), cose.protect(key.alg, key.key_id)
    signed = crypto_sign(cose.to_be_signed(protected, payload), secret)
    raw = cose.assemble(protected, payload, signed[:64])
    part = batch.LogPart(old, tuple(tree.consistency_proof(old, hashes)), tuple(entries[old:]))
    prior = verify.Prior(old, 3, old, tree.root(hashes[:old]), previous, 4, NOW_MS - 86_400_000)
    return key, prior, batch.make_item(key.ueid, batch.FMT_EAT, raw, NOW_MS, part), signed, public


def rate(count: int, work: Callable[[], object]) -> float:
    """Items per CPU second."""
    start = time.process_time()
    work()
    return count / (time.process_time() - start)


def main() -> None:
    """Print the figures."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--items", type=int, default=2000)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--json", action="store_true")
    given = options.parse_args()
    items = [one_item(number) for number in range(given.items)]
    body = batch.encode(item for _, _, item, _, _ in items)
    build = reference.Reference("tarn4-4.1.2", "4.1.2", 4, frozenset([CONFIG]))
    values = reference.make({IMAGE: build}, stages=frozenset([LOADER]), hw_models=frozenset([b"Tarn 4"]))
    policy = verify.AppraisalPolicy({NONCE: verify.NonceBounds(NOW_MS - 1000)})

    def raw() -> None:
        for _, _, _, signed, public in items:
            crypto_sign_open(signed, public)

    def appraise() -> None:
        for key, prior, item, _, _ in items:
            verdict = verify.check(
                item.evidence,
                key=key,
                prior=prior,
                reference=values,
                policy=policy,
                at_ms=NOW_MS,
                log=item.log,
            )
            assert verdict.tier == 2, verdict.reasons

    rounds = [
        (rate(given.items, raw), rate(given.items, appraise), rate(given.items, lambda: batch.decode(body)))
        for _ in range(given.rounds)
    ]
    raw_rate, check_rate, decode_rate = (statistics.median(column) for column in zip(*rounds, strict=True))
    figures = {
        "items": given.items,
        "bytes_an_item": len(body) // given.items,
        "raw_verify_per_cpu_s": round(raw_rate),
        "check_per_cpu_s": round(check_rate),
        "check_to_raw": round(statistics.median(one[1] / one[0] for one in rounds), 2),
        "batch_decode_per_cpu_s": round(decode_rate),
    }
    print(
        json.dumps(figures)
        if given.json
        else "\n".join(f"{name:24} {value}" for name, value in figures.items())
    )


if __name__ == "__main__":
    main()
