"""Dates as labels write them, with two digits for the year."""

import calendar
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime

from vouchsafe.udi.errors import Malformed, shown


def full_year(two: int, this_year: int) -> int:
    """The year that two digits mean, seen from `this_year` (GS1 General Specifications 7.12).

    51 to 99 years ahead is the last century; 50 to 99 behind is the next.
    """
    century, difference = this_year - this_year % 100, two - this_year % 100
    if 51 <= difference <= 99:
        return century - 100 + two
    if -99 <= difference <= -50:
        return century + 100 + two
    return century + two


def clock() -> date:
    """The clock's day, for callers that read a label now and pass no day."""
    return datetime.now(UTC).date()


def this_year() -> int:
    """The clock's year, as `clock`."""
    return clock().year


def yymmdd(text: str, place: str, this_year: int) -> date:
    """The day that six digits mean. Day 00 is the last of the month.

    Raises:
        Malformed: no such day.
    """
    if len(text) != 6 or not (text.isascii() and text.isdecimal()):
        raise Malformed(place, "six digits YYMMDD", shown(text))
    year, month, day = full_year(int(text[:2]), this_year), int(text[2:4]), int(text[4:])
    return day_of(year, month, day, place, text)


def day_of(year: int, month: int, day: int, place: str, text: str) -> date:
    """A calendar day; day 0 is the last of the month.

    Raises:
        Malformed: no such day.
    """
    if not 1 <= month <= 12:
        raise Malformed(place, "a month from 01 to 12", shown(text))
    _refuse_no_year(year, place, text)
    last = calendar.monthrange(year, month)[1]
    if day > last:
        raise Malformed(place, f"a day from 00 to {last}", shown(text))
    return date(year, month, day or last)


def _refuse_no_year(year: int, place: str, text: str) -> None:
    """Two digits mean one beyond the calendar's years only where a caller's day is near its ends."""
    if not MINYEAR <= year <= MAXYEAR:
        raise Malformed(place, f"a year from {MINYEAR} to {MAXYEAR}", f"{year}, from {shown(text)}")


def ordinal(year: int, day: int, place: str, text: str) -> date:
    """The day of a year by its number, 001 to 366.

    Raises:
        Malformed: the year has no such day.
    """
    _refuse_no_year(year, place, text)
    days = 366 if calendar.isleap(year) else 365
    if not 1 <= day <= days:
        raise Malformed(place, f"a day of the year from 001 to {days}", shown(text))
    return date.fromordinal(date(year, 1, 1).toordinal() + day - 1)
