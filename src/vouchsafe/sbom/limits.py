"""Every limit of this package, in one place. Each is tested at the limit and one past it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one input may hold. The defaults take every real file we know with room to spare."""

    max_bytes: int = 64 * 1024 * 1024
    max_depth: int = 200
    max_components: int = 250_000
    max_dependencies: int = 2_000_000
    max_problems: int = 1_000
    max_affected: int = 50_000
    max_versions: int = 1_000_000
    max_events: int = 100_000
    max_signatures: int = 32


DEFAULT = Limits()

MAX_VERSION_CHARS = 256
"""A longer version is kept as text but never compared: the comparators' work grows with it."""

MAX_PURL_CHARS = 4_096
"""A longer package URL is kept as text but gives no package key."""

MAX_VECTOR_CHARS = 1_024
"""A longer CVSS vector is kept as text and not scored."""
