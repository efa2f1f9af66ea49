"""What a record's trail says to its gates, folded from event bodies one by one. Pure.

`acts` keeps the result in `Record.story`, so that a case needs no walk through the trail; `audit` folds the
whole trail again with the same function and compares.
"""

from collections.abc import Mapping
from typing import Any

Story = dict[str, Any]


def begun() -> Story:
    """The story before the first event."""
    return {"since": {}, "visits": {}, "taken": {}, "authors": [], "void_asked": ""}


def told(story: Mapping[str, Any], body: Mapping[str, Any]) -> Story:
    """`story` after one more event."""
    since, visits, taken = dict(story["since"]), dict(story["visits"]), dict(story["taken"])
    authors, void_asked = list(story["authors"]), story["void_asked"]
    kind, by = body["kind"], body["by"]
    if kind == "opened":
        since[body["state"]] = body["at"]
    if (kind == "opened" or body.get("wrote")) and by and by not in authors:
        authors.append(by)
    if kind == "void.asked":
        void_asked = by
    if step := body.get("step_taken"):
        taken[step] = taken.get(step, 0) + 1
        if body["from"] != body["state"]:
            since[body["state"]] = body["at"]
            visits[body["state"]] = visits.get(body["state"], 0) + 1
            void_asked = ""
            if "approved" in body.get("meanings", ()):
                authors = []  # SOD-01 looks at who wrote since the last approval that moved the record on
    return {
        "since": since,
        "visits": visits,
        "taken": taken,
        "authors": sorted(authors),
        "void_asked": void_asked,
    }
