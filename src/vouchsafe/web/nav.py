"""The shell's content: navigation with counts, the nearest clock, tasks, the log's health, commands."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any

from vouchsafe.kernel import publish, queries
from vouchsafe.kernel.registry import processes
from vouchsafe.web import icons, words
from vouchsafe.web.clocks import Dial, dial

SHORT = {"capa": "CAPA"}
PLURALS = {
    "complaint": "Complaints",
    "capa": "CAPA",
    "vulnerability": "Vulnerabilities",
    "field_action": "Field actions",
}
GROUPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Quality", ("complaint", "capa")),
    ("After market", ("field_action",)),
    ("Fleet", ("fleet", "vulnerability")),
    ("Evidence", ("ledger",)),
)
STALE_AFTER_S = 900


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the navigation. `go` is the key after G."""

    key: str
    icon: str
    label: str
    href: str
    count: int = 0
    go: str = ""


@dataclass(frozen=True, slots=True)
class Group:
    """A heading and its lines; one without lines is left out."""

    label: str
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Health:
    """What the last line of the navigation says about the log."""

    says: str
    tone: str


@dataclass(frozen=True, slots=True)
class Result:
    """A line of the palette."""

    icon: str
    text: str
    href: str
    number: str = ""
    state_kind: str = ""
    state: str = ""
    tier: str = ""
    keys: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """A group of lines of the palette."""

    label: str
    results: tuple[Result, ...]


def plural(process_key: str) -> str:
    """How a list of such records is headed."""
    known = processes().get(process_key)
    return PLURALS.get(process_key) or (known.title if known else process_key)


def singular(process_key: str) -> str:
    """How one such record is called in a button."""
    known = processes().get(process_key)
    return SHORT.get(process_key) or (known.title.lower() if known else process_key)


def list_href(process_key: str) -> str:
    return f"/list/{process_key}"


@dataclass(frozen=True, slots=True)
class Shell:
    """Everything around a page."""

    organisation: str
    initials: str
    nav: tuple[Group, ...]
    tasks: int
    next_clock: Dial | None
    clocks_say: str
    log: Health
    commands: tuple[Found, ...]

    @staticmethod
    def of(me: Any, now: datetime, zone: tzinfo, organisation: str) -> "Shell":
        """For one person at one moment."""
        work = queries.worklist(me, now=now)
        n = len(work.clocks)
        first = work.clocks[0] if work.clocks else None
        return Shell(
            organisation=organisation,
            initials=words.initials(me.full_name),
            nav=navigation(me, now, len(work.tasks)),
            tasks=len(work.tasks),
            next_clock=dial(first.clock, now, zone, number=first.number) if first else None,
            clocks_say="1 clock" if n == 1 else f"{words.count(n)} clocks",
            log=health(now, zone),
            commands=(Found("Commands", commands()),),
        )


def navigation(me: Any, now: datetime, tasks: int) -> tuple[Group, ...]:
    """Only what is built; a group without lines disappears."""
    counts = queries.counts(me, now=now)
    fixed = {
        "fleet": Item("fleet", "cpu", "Devices and sites", "/fleet", go="d"),
        "ledger": Item("ledger", "badge-check", "Ledger", "/ledger", go="l"),
    }
    top = Group(
        "",
        (
            Item("home", "house", "Home", "/", go="h"),
            Item("tasks", "inbox", "My tasks", "/tasks", tasks, go="t"),
        ),
    )
    known = processes()
    keys = {"complaint": "c", "capa": "a", "field_action": "f", "vulnerability": "v"}
    named = {key for _, members in GROUPS for key in members}
    others = tuple(key for key in known if key not in named)
    groups = [top]
    for label, members in (*GROUPS, ("More", others)):
        items = [
            fixed[k]
            if k in fixed
            else Item(
                k,
                icons.PROCESSES.get(k, icons.OTHER),
                plural(k),
                list_href(k),
                counts[k].open,
                keys.get(k, ""),
            )
            for k in members
            if k in fixed or k in known
        ]
        if items:
            groups.append(Group(label, tuple(items)))
    return tuple(groups)


def health(now: datetime, zone: tzinfo) -> Health:
    """When the log was last signed, and whether anything waits too long."""
    logs = publish.logs()
    signed = [v.published_at for v in logs if v.published_at is not None]
    if not signed:
        return Health("Log not signed yet", "grey")
    last = max(signed)
    waiting = sum(v.waiting for v in logs)
    if (now - last).total_seconds() > STALE_AFTER_S and waiting:
        return Health(
            f"Log last signed {words.short(last, zone, now)}, {words.count(waiting)} entries wait", "amber"
        )
    return Health(f"Log signed {words.short(last, zone, now).replace('Today', 'today')}", "seal")


def commands() -> tuple[Result, ...]:
    """What can be started from the palette."""
    made = [
        Result(icons.PROCESSES.get(k, icons.OTHER), f"New {singular(k)}", f"/new/{k}") for k in processes()
    ]
    return (
        *made,
        Result("upload", "Import an advisory", "/advisories/import"),
        Result("shield-check", "Verify an evidence bundle", "/ledger/verify"),
        Result("cpu", "Devices and sites", "/fleet", keys=("G", "D")),
        Result("badge-check", "Ledger", "/ledger", keys=("G", "L")),
        Result("fingerprint", "Passkeys and roles", "/account"),
    )
