"""What can go wrong in the ledger, each as a type of its own where a caller acts differently."""


class LedgerError(Exception):
    """Base of everything this package raises on purpose."""


class Placed(LedgerError):
    """An error that names its place, what was expected there and what came instead."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place}: expected {expected}, got {got}")
        self.place = place
        self.expected = expected
        self.got = got

    def __reduce__(self) -> tuple[type["Placed"], tuple[str, str, str]]:
        # The default pickles the one joined message and then fails on the way back from a worker process.
        return type(self), (self.place, self.expected, self.got)


class Malformed(Placed):
    """Bytes that do not have the form that their format prescribes."""


class Tampered(Placed):
    """Well-formed bytes that are not the ones which were committed to."""


class ProofError(LedgerError):
    """A Merkle proof that does not lead from its leaf (or its old root) to the given root."""


class SignatureError(LedgerError):
    """No trusted key has signed, or a known key's signature is wrong."""


class PolicyError(SignatureError):
    """Signatures are right, but fewer or others than the trust policy demands."""


class Exists(LedgerError):
    """A create-only name that is already there. The object there has not been touched."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: exists already")
        self.name = name


class Missing(LedgerError):
    """No object of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name}: not found")
        self.name = name


class Fenced(LedgerError):
    """Another writer has taken over, or holds the lock: this one must not go on."""


class Fork(LedgerError):
    """Two statements of one log that cannot both be true. Carries both as evidence."""

    def __init__(self, old: object, new: object, why: str = "") -> None:
        super().__init__(f"fork{': ' + why if why else ''}: {old} against {new}")
        self.old = old
        self.new = new


def brief(value: object, limit: int = 60) -> str:
    """`repr` of untrusted input, cut so that an error stays one readable line."""
    text = ascii(value if not isinstance(value, (bytes, str)) else value[: limit + 1])
    return text if len(text) <= limit else text[: limit - 1] + "…"
