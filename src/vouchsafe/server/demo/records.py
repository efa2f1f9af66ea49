"""What the company's people have written before the visitor comes: `records.yaml`, taken through the acts.

A record that began days ago is written with the times of those days; its signatures then show a clock offset of days,
because that is what it was. The leaves say when they were really logged.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from vouchsafe.kernel import acts, people, queries
from vouchsafe.server.demo.state import State


def load(folder: Path, state: State) -> None:
    """Open each record once; what a killed run had opened is kept."""
    done = state.kept("records")
    for number, one in enumerate(yaml.safe_load((folder / "records.yaml").read_text())):
        if str(number) not in done:
            state.keep("records", done := {**done, str(number): _Story(one, done, state).tell()})


class _Story:
    """One record's beginning, with a clock of its own."""

    def __init__(self, told: dict[str, Any], before: dict[str, str], state: State) -> None:
        self.told = told
        self.before = before
        self.state = state
        self.now = datetime.now(UTC) - timedelta(days=told.get("days_ago", 0), seconds=30)
        self.number = ""

    def tell(self) -> str:
        """Open the record and take its steps; gives its number."""
        one = self.told
        opener = people.find(one["as"])
        links = [(link["relation"], self.before[str(link["entry"])]) for link in one.get("links", ())]
        self.number = acts.open_record(
            one["open"], one["title"], by=opener, at=self._tick(), product=one.get("product", ""), links=links,
            changes={} if one.get("then") else self._filled(one["changes"], one["as"]),
        ).number  # fmt: skip
        for step in (
            [{"write": one["as"], "changes": one["changes"]}, *one["then"]] if one.get("then") else ()
        ):
            self._take(step)
        return self.number

    def _take(self, step: dict[str, Any]) -> None:
        match step:
            case {"wait": days}:
                self.now += timedelta(days=days)
            case {"write": who}:
                changes = self._with_ids(self._filled(step["changes"], who), who)
                acts.write(
                    self.number, seen=self._seen(who), by=people.find(who), at=self._tick(), changes=changes
                )
            case {"act": name, "as": who}:
                acts.act(self.number, name, seen=self._seen(who), by=people.find(who), at=self._tick())
            case {"sign": name, "meaning": meaning, "as": signers}:
                for number, who in enumerate(signers if isinstance(signers, list) else [signers]):
                    changes = self._filled(step.get("changes", {}), who) if number == 0 else {}
                    by = people.find(who)
                    begun = acts.begin_signing(
                        self.number, name, meaning, seen=self._seen(who), by=by, at=self._tick(),
                        reason=step.get("reason", ""), changes=changes,
                    )  # fmt: skip
                    acts.sign(begun.id, by=by, at=self._tick(), password=self.state.password())
            case _:
                raise ValueError(f"records.yaml: {sorted(step)} is no step")

    def _with_ids(self, changes: dict[str, Any], who: str) -> dict[str, Any]:
        """`row: n` in a list of rows means the row that stands there already."""
        content = queries.record(self.number, people.find(who), now=self.now).content
        for name, rows in changes.items():
            for row in rows if isinstance(rows, list) else ():
                if isinstance(row, dict) and "row" in row:
                    row["id"] = getattr(content, name)[row.pop("row")].id
        return changes

    def _seen(self, who: str) -> int:
        return queries.record(self.number, people.find(who), now=self.now).revision

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1)
        return min(self.now, datetime.now(UTC))

    def _filled(self, value: Any, who: str) -> Any:
        """Times, people and evidence in the form of the fields; the rest as it stands."""
        match value:
            case {"ago": hours}:
                return (self.now - timedelta(hours=hours)).isoformat(timespec="seconds")
            case {"day": days}:
                return (self.now + timedelta(days=days)).date().isoformat()
            case {"person": name}:
                return people.find(name).id.hex
            case {"evidence": title, "says": text}:
                by = people.find(value.get("by", who))
                sha256 = acts.attach(
                    self.number, text.encode(), name=f"{title}.txt", media_type="text/plain", by=people.find(who),
                    at=self._tick(),
                )  # fmt: skip
                return {
                    "reference": title,
                    "sha256": sha256,
                    "by": by.id.hex,
                    "on": self.now.date().isoformat(),
                }
            case dict():
                return {key: self._filled(part, who) for key, part in value.items()}
            case list():
                return [self._filled(part, who) for part in value]
        return value
