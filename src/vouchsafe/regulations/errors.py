"""What the regulations package raises."""


class RegulationsError(Exception):
    """Base of the errors of this package."""


class Unknown(RegulationsError):
    """A rule, role, board, process or pack that no data pack has."""


class BadPack(RegulationsError):
    """A data pack that is not what it must be: which file, where, what is wrong."""

    def __init__(self, pack: str, place: str, problem: str) -> None:
        super().__init__(f"{pack}: {place}: {problem}")
        self.pack, self.place = pack, place
