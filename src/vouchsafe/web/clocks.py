"""A running time limit, ready to be shown."""

from dataclasses import dataclass
from datetime import datetime, tzinfo

from vouchsafe.kernel.limits import Clock
from vouchsafe.web import words


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial:
    """One clock: its class (ok, soon, now, late, met), how much has passed, and what it says."""

    due: str
    percent: int
    text: str
    title: str
    label: str
    rule: str = ""
    of: str = ""
    at: str = ""
    until: datetime | None = None
    number: str = ""
    href: str = ""
    title_of_record: str = ""


def dial(
    clock: Clock, now: datetime, where: tzinfo, *, number: str = "", href: str = "", title: str = ""
) -> Dial:
    """The dial of a kernel clock as it stands at `now`."""
    at = words.moment(clock.due, where)
    brief = f"{words.day(clock.due.astimezone(where).date(), now=now)} {clock.due.astimezone(where):%H:%M %Z}"
    whole = words.span(clock.due - clock.start)
    if clock.stopped is not None:
        late = clock.stopped > clock.due
        text = (
            f"{words.span(clock.stopped - clock.due)} late"
            if late
            else f"Done in {words.span(clock.stopped - clock.start)}"
        )
        return Dial(
            due="late" if late else "met",
            percent=100,
            text=text,
            label=clock.label,
            rule=clock.basis or clock.rule,
            title=f"{clock.label}: due {at}",
            of=f"of {whole}",
            at=brief,
            number=number,
            href=href,
            title_of_record=title,
        )
    return Dial(
        due=words.due_class(clock.start, clock.due, now),
        percent=words.elapsed_percent(clock.start, clock.due, now),
        text=words.remaining(clock.due, now),
        title=f"{clock.label}: due {at}. {clock.basis or clock.rule}",
        label=clock.label,
        rule=clock.basis or clock.rule,
        of=f"left of {whole}" if now <= clock.due else f"after {whole}",
        at=brief,
        until=clock.due,
        number=number,
        href=href,
        title_of_record=title,
    )
