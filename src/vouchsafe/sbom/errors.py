"""What reading, matching and signing raise. Each error carries the place, what was expected and what came."""


class SbomError(Exception):
    """Base of every error of this package."""


class Malformed(SbomError):
    """The bytes are not what they should be.

    Attributes:
        place: `line 3 column 7`, or a JSON path such as `$.components[4].name`.
        expected: what the format asks for there.
        got: what stood there, shortened.
    """

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(place, expected, got)  # all three, so that it comes back whole from a worker process
        self.place = place
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, got {self.got}"


class TooLarge(Malformed):
    """The input is past a limit of `limits`. The same file may be read with wider limits."""


class NotRead(Malformed):
    """The format is known but not read here; `expected` says which are."""


class BadSignature(SbomError):
    """No signature of a trusted key verified, or a trusted key's signature is wrong."""


class NotBound(SbomError):
    """A signed statement is about another image than the one at hand."""


def shown(value: object, *, at_most: int = 60) -> str:
    """A value as an error may print it: its kind for containers, its text shortened otherwise."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    if isinstance(value, int | float):
        text = repr(value) if abs(value) < 10**30 else "a very large number"
        return f"the number {text}"
    text = str(value)
    short = text if len(text) <= at_most else text[:at_most] + "…"
    return "an empty string" if not text else ascii(short) if not short.isprintable() else f"“{short}”"
