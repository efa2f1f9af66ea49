"""The kernel's word for who acts, under a name that this package's modules share."""

from vouchsafe.kernel.people import Person  # type: ignore[attr-defined]  # fleet may not import kernel.models

__all__ = ["Person"]
