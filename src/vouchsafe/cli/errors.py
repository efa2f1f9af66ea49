"""The error that ends a command with one sentence and a code."""


class CommandError(Exception):
    """Printed as one line on standard error. `code` 1: doesn't hold or refused; 2: unreadable or wrong use."""

    def __init__(self, text: str, *, code: int = 2) -> None:
        super().__init__(text)
        self.code = code
