"""Writes the frozen bundles beside this file: `python -m tests.vectors.bundle.generate`. Git must stay clean.

Made by tests/bundle/forge.py, which shares no code with the product; every key and time is fixed, ECDSA is
deterministic (RFC 6979), so the bytes are the same each time.
"""

import json
from pathlib import Path
from typing import Any

from tests.bundle import forge
from vouchsafe.bundle import verify

HERE = Path(__file__).parent

STORIES: dict[str, forge.Story] = {
    "good": forge.Story(witness=True),
    "provenance": forge.Story(
        witness=True, evidence=lambda n, given: given | ({"signer": forge.ed_key("thief")} if n == 1 else {})
    ),
    "integrity": forge.Story(
        witness=True, devices=False, files=lambda files: files.update({"record/versions/2.json": b'{"n":3}'})
    ),
    "non-repudiation": forge.Story(witness=True, devices=False, sign_as=forge.TOMASZ),
    "completeness": forge.Story(witness=True, devices=False, drop_last=True),
    "temporal-ordering": forge.Story(witness=True, devices=False, clock_back=True),
}


def main() -> None:
    """Write each bundle, the policy, and what a verifier must say."""
    policy = forge.policy(witness=True, allow=())
    (HERE / "policy.txt").write_bytes(policy)
    expected: dict[str, Any] = {}
    for name, story in STORIES.items():
        data = forge.forge(story)
        (HERE / f"{name}.zip").write_bytes(data)
        result = verify.check(data, verify.read_policy(policy))
        expected[name] = {
            "sha256": result.sha256,
            "exit": result.exit_code,
            "properties": {v.property: {"verdict": v.verdict, "place": v.place} for v in result.verdicts},
        }
    (HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


if __name__ == "__main__":
    main()
