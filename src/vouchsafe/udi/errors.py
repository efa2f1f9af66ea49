"""What reading a UDI raises."""


class UdiError(Exception):
    """Base of every error of this package."""


class Malformed(UdiError):
    """The text is no UDI of the agency.

    Attributes:
        place: `character 17`, or the element, such as `(17)`, or a character of the element's data, `(10) character 2`.
        expected: what the agency's rules ask for there.
        got: what stood there.
    """

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(place, expected, got)  # all three, so that it comes back whole from a worker process
        self.place = place
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, got {self.got}"


class WrongCheck(Malformed):
    """The form is right, but a check digit or character does not hold: a misread or a forgery."""


class NotRead(Malformed):
    """A form that an agency defines and that this package does not read."""


def shown(text: str) -> str:
    """Text as an error may print it: short, and with separators visible."""
    if not text:
        return "nothing"
    clean = "".join("<GS>" if c == "\x1d" else c if c.isprintable() else f"<{ord(c):02x}>" for c in text[:60])
    return f"“{clean}{'…' if len(text) > 60 else ''}”"
