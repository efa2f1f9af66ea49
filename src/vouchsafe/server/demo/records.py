"""What the company's people have written before the visitor comes: `records.yaml`, taken through the acts."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from vouchsafe.kernel import acts, people
from vouchsafe.server.demo.state import State


def load(folder: Path, state: State) -> None:
    """Open each record once; what a killed run had opened is kept."""
    done = state.kept("records")
    for number, one in enumerate(yaml.safe_load((folder / "records.yaml").read_text())):
        if str(number) in done:
            continue
        now = datetime.now(UTC)
        record = acts.open_record(
            one["open"], one["title"], by=people.find(one["as"]), at=now, product=one.get("product", ""),
            changes=_filled(one["changes"], now),
        )  # fmt: skip
        state.keep("records", done := {**done, str(number): record.number})
        for step in one.get("then", ()):
            by = people.find(step["as"])
            begun = acts.begin_signing(
                record.number, step["sign"], step["meaning"], seen=record.revision, by=by, at=datetime.now(UTC),
                reason=step.get("reason", ""), changes=_filled(step.get("changes", {}), now),
            )  # fmt: skip
            record = acts.sign(begun.id, by=by, at=datetime.now(UTC), password=state.password())


def _filled(value: Any, now: datetime) -> Any:
    """`{ago: h}` as a moment, `{day_ago: n}` as a day, `{person: name}` as a person; the rest as it stands."""
    match value:
        case {"ago": hours}:
            return (now - timedelta(hours=hours)).isoformat(timespec="seconds")
        case {"day_ago": days}:
            return (now - timedelta(days=days)).date().isoformat()
        case {"person": name}:
            return people.find(name).id.hex
        case dict():
            return {key: _filled(part, now) for key, part in value.items()}
        case list():
            return [_filled(part, now) for part in value]
    return value
