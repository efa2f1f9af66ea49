"""What can go wrong here, by what the caller does about it."""


class FleetError(Exception):
    """Base of all errors of this package; the text is a sentence for a person."""


class BadInput(FleetError):
    """Input that can't be taken, with the place of the first fault."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place}: expected {expected}, got {got}")
        self.place = place
        self.expected = expected
        self.got = got


class TooLarge(FleetError):
    """Input above a limit; the sender must split it."""


class NotFound(FleetError):
    """No such device, build, advisory or population."""


class Refused(FleetError):
    """The act isn't allowed as things stand; `reasons` are sentences."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons = reasons
