"""Every limit of this package, in one place. Each is tested at the limit and one past it (docs/formats/limits.md)."""

MAX_ENTRY_BYTES = 65_535
"""A log's entry: its length is two bytes. Source: C2SP tlog-tiles."""

MAX_BUNDLE_BYTES = 256 * (2 + MAX_ENTRY_BYTES)
"""A bundle of 256 entries."""

MAX_LEVEL = 63
"""The level of a tile. Source: C2SP tlog-tiles."""

MAX_LEAF_BYTES = 4_096
"""An entry of our own (docs/formats/log.md)."""

MAX_LEAF_DEPTH = 8
"""Arrays and objects in one another inside a leaf's facts."""

MAX_SAFE_INT = 2**53 - 1
"""An integer of a leaf: exact in every JSON reader. Source: RFC 8785."""

MAX_INT = 2**63 - 1
"""A size or an index in a note, a proof or a path."""

MAX_BATCH = 5_000
"""Leaves of one append."""

MAX_ADVANCE = 65_536
"""Leaves between two signed sizes: bounds the memory of one checkpoint after a long pause."""

MAX_ORIGIN_BYTES = 255
"""A checkpoint's origin. Source: C2SP tlog-cosignature, log_origin."""

MAX_NOTE_BYTES = 1_000_000
MAX_SIGNATURES = 100
"""A signed note, and its signatures. Keys' names and extension lines have no limit of their own."""

MAX_PROOF_HASHES = 63
MAX_EXTRA_BYTES = 65_536
MAX_PROOF_BYTES = MAX_NOTE_BYTES + 131_072
"""A proof file: its hashes, its extra data, all of it."""

MAX_POLICY_BYTES = 262_144
MAX_POLICY_LINES = 2_000
"""A trust policy."""

MAX_JCS_BYTES = 16 * 1024 * 1024
MAX_JCS_DEPTH = 100
"""JSON that is brought into its canonical form."""

MAX_OBJECT_NAME = 400
"""The name of an object in a store, in characters."""

MAX_REDIRECTS = 5
STALL_S = 20.0
OBJECT_S = 60.0
"""A log read from a URL: redirects, seconds without a byte, seconds for one object."""
