"""The kernel's word for who acts, under a name that this package's modules share."""

from vouchsafe.kernel.people import Person

__all__ = ["Person"]
