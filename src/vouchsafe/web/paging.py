"""Pages of a list: addresses that keep the filters, and what the foot of the table says."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest

from vouchsafe.web import words

SIZE = 50


@dataclass(frozen=True, slots=True)
class Pager:
    """Which part of the list this is."""

    says: str
    previous: str
    next: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A tab or an option of a filter."""

    label: str
    value: str
    href: str = ""
    count: int = 0
    on: bool = False


def page_of(request: HttpRequest) -> int:
    """The page asked for, from 1; nonsense is page 1."""
    text = request.GET.get("page", "1")
    return max(1, int(text)) if text.isdecimal() and len(text) < 7 else 1


def address(request: HttpRequest, changes: Mapping[str, object]) -> str:
    """This address with some of its parameters changed; empty ones and the page fall away."""
    kept = {k: v for k, v in request.GET.items() if k != "page"}
    kept |= {k: str(v) for k, v in changes.items()}
    query = urlencode({k: v for k, v in kept.items() if v})
    return f"{request.path}?{query}" if query else request.path


def pager(request: HttpRequest, *, page: int, size: int, total: int) -> Pager:
    """The foot of a table."""
    first, last = (page - 1) * size + 1, min(page * size, total)
    says = f"{words.count(first)} to {words.count(last)} of {words.count(total)}" if total else "none"
    return Pager(
        says,
        address(request, {"page": page - 1}) if page > 1 else "",
        address(request, {"page": page + 1}) if last < total else "",
    )


def tabs(request: HttpRequest, name: str, choices: list[tuple[str, str, int]], now: str) -> list[Choice]:
    """Tabs that set one parameter. `choices` are (value, label, count)."""
    return [Choice(label, v, address(request, {name: v}), n, v == now) for v, label, n in choices]
