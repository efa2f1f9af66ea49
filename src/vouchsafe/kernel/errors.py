"""What the kernel raises. A refusal is a sentence for the person who asked; a bug is anything else."""

from collections.abc import Sequence


class KernelError(Exception):
    """Base of every error that the kernel raises on purpose."""


class NotFound(KernelError):
    """There is no such record, ceremony, file or person that the caller may know of."""


class Refused(KernelError):
    """The act isn't allowed now. `reasons` are sentences for the user; nothing was written."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(" ".join(reasons))
        self.reasons: tuple[str, ...] = reasons


class Stale(Refused):
    """Someone else changed the record after the user loaded it. Nothing was written.

    Attributes:
        seen: the revision that the user was looking at.
        revision: the revision that the record has now.
    """

    def __init__(self, message: str, *, seen: int, revision: int) -> None:
        super().__init__(message)
        self.seen = seen
        self.revision = revision


class BadInput(Refused):
    """A value isn't one that its field takes: where, what was expected, what came."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(f"{place or 'value'}: expected {expected}, got {got}.")
        self.place, self.expected, self.got = place, expected, got


class Denied(Refused):
    """The person doesn't hold a role that the act needs.

    Attributes:
        roles: any one of these would do.
        holders: printed names of people who hold one of them now (R-51).
    """

    def __init__(self, message: str, *, roles: Sequence[str] = (), holders: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.roles = tuple(roles)
        self.holders = tuple(holders)


class SigningFailed(Refused):
    """The ceremony didn't prove who signs: a wrong assertion, a wrong password, a ceremony used twice or too
    late.
    """
