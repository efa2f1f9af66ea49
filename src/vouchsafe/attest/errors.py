"""The errors of `attest`: one base, one for bytes that are not what they should be."""

from __future__ import annotations


class AttestError(Exception):
    """Base of every error that this package raises on purpose."""


class Malformed(AttestError):
    """Bytes that do not have the form that the format asks for."""

    def __init__(self, place: str, expected: str, got: str) -> None:
        super().__init__(place, expected, got)
        self.place = place
        self.expected = expected
        self.got = got

    def __str__(self) -> str:
        return f"{self.place}: expected {self.expected}, got {self.got}"


class NotRead(Malformed):
    """Well-formed, but of a kind that is not read here; `got` says which."""


class NotVerified(AttestError):
    """A statement whose signature does not hold, or which is not signed by those who must sign it."""
