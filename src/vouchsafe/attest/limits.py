"""Every limit on what this package reads, in one place. Each is tested at the limit and one past it."""

from __future__ import annotations

MAX_EVIDENCE_BYTES = 16_384
MAX_BATCH_BYTES = 16 * 1024 * 1024  # after decompression
MAX_BATCH_ITEMS = 5_000
MAX_LOG_HASHES = 128  # an RFC 6962 consistency proof has at most 2 * 64 hashes
MAX_LOG_ENTRIES = 10_000  # between two contacts of one device
MAX_LOG_ENTRY_BYTES = 512
MAX_CBOR_DEPTH = 8
MAX_CBOR_VALUES = 2_000
MAX_BOOT_STAGES = 16
MAX_TEXT_BYTES = 255
MAX_STATEMENT_BYTES = 65_536
MAX_REFERENCE_BYTES = 4 * 1024 * 1024
MAX_MS = 2**53 - 1  # times in ms and counters stay exact in JSON leaves (RFC 8785)
MAX_STATEMENT_SIGNATURES = 16

# Tokens of other profiles (`formats.anycose`), read by whoever uses the library alone.
MAX_FOREIGN_BYTES = 65_536
MAX_FOREIGN_DEPTH = 16
MAX_FOREIGN_VALUES = 10_000
MAX_FOREIGN_SIGNATURES = 16
