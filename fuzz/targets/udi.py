"""UDIs: any text is read or refused; what was read is written again in each form and read as the same."""

from collections.abc import Callable
from datetime import date

from vouchsafe.udi import basic_udi, gs1, hibcc, iccbba, ifa, parse
from vouchsafe.udi.errors import Malformed, UdiError
from vouchsafe.udi.limits import MAX_CHARS

TODAY = date(2026, 11, 22)


def any_udi(data: bytes) -> None:
    """The door for texts of any agency."""
    try:
        udi = parse.parse(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    assert udi.di
    assert udi.agency in ("GS1", "HIBCC", "ICCBBA", "IFA")


def gs1_text(data: bytes) -> None:
    """GS1's forms: what was read is written and read again, the same."""
    try:
        found = gs1.elements(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    for form in ("element", "human", "link"):
        try:
            text = gs1.format(found, form, today=TODAY)
        except Malformed:  # not every set of elements has a place in an address
            assert form == "link"
            continue
        if len(text) <= MAX_CHARS:  # escapes make a text longer
            assert gs1.elements(text, today=TODAY) == found


def hibc_text(data: bytes) -> None:
    """One HIBC symbol: what `parse` reads, `check` finds right."""
    text = data.decode("utf-8", "replace")
    try:
        found = hibcc.check(text)
        udi = hibcc.parse(text, today=TODAY)
    except UdiError:
        return
    assert udi.check == found


def iccbba_text(data: bytes) -> None:
    """ISBT 128 elements."""
    try:
        assert len(iccbba.parse(data.decode("utf-8", "replace")).di) in (10, 16)
    except UdiError:
        return


def ifa_text(data: bytes) -> None:
    """A PPN code."""
    try:
        udi = ifa.parse(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    assert ifa.check_digits(udi.di[:-2]) == udi.check


def basic_text(data: bytes) -> None:
    """A Basic UDI-DI: its pair is the one that would be made."""
    try:
        udi = basic_udi.parse(data.decode("utf-8", "replace"))
    except UdiError:
        return
    assert udi.body + udi.check == udi.text


TARGETS: dict[str, Callable[[bytes], None]] = {
    "udi": any_udi,
    "udi-gs1": gs1_text,
    "udi-hibcc": hibc_text,
    "udi-iccbba": iccbba_text,
    "udi-ifa": ifa_text,
    "udi-basic": basic_text,
}
