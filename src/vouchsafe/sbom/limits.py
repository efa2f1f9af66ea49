"""Every limit of this package, in one place. Each is tested at the limit and one past it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one input may hold. The defaults take every real file we know with room to spare."""

    max_bytes: int = 64 * 1024 * 1024
    max_depth: int = 200
    max_elements: int = 3_000_000
    max_components: int = 250_000
    max_dependencies: int = 2_000_000
    max_problems: int = 1_000
    max_affected: int = 50_000
    max_versions: int = 1_000_000
    max_events: int = 100_000
    max_signatures: int = 32
    max_advisories: int = 50_000
    max_front_matter: int = 64 * 1024
    max_products: int = 250_000
    max_product_ids: int = 1_000_000
    max_statements: int = 250_000


DEFAULT = Limits()

MAX_VERSION_CHARS = 128
"""A longer version is kept as text but never compared: the comparators' work grows with it."""

MAX_PURL_CHARS = 4_096
"""A longer package URL is kept as text but gives no package key."""

MAX_VECTOR_CHARS = 1_024
"""A longer CVSS vector is kept as text and not scored."""

MAX_PURL_QUALIFIERS = 64
"""A package URL with more qualifiers is refused."""

MAX_CPE_CHARS = 4_096
"""A longer CPE name is kept as text and not taken apart."""

MAX_VERS_CHARS = 65_536
"""A longer version range (`vers:` or a package manager's own) is refused."""

MAX_CONSTRAINTS = 5_000
"""A version range with more constraints is refused."""

MAX_EVENTS_ORDERED = 1_000
"""A range with more events is not put in order: what it is asked about is possible."""

MAX_LISTED_COMPARED = 20_000
"""More listed versions are looked up as text, not compared: what is not among them is possible."""

MAX_KEY_CHARS = 400
"""A longer key that advisories and components are joined on is replaced by its SHA-256."""
