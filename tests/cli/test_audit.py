"""`vouchsafe audit`: sound after use, and a changed row is named."""

import json
from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from vouchsafe.cli.audit import audit
from vouchsafe.cli.errors import CommandError


def run(*args: str) -> Result:
    return CliRunner().invoke(audit, args, catch_exceptions=False)


@pytest.fixture
def record(installation: Any) -> Any:
    from vouchsafe.kernel import acts, people, publish

    now = datetime.now(UTC)
    marcus = people.create("marcus", email="m@example.com", full_name="Marcus", at=now)
    people.grant(marcus, "complaint_handler", by=None, at=now)
    made = acts.open_record(
        "complaint", "Pump stopped", by=marcus, at=now, changes={"summary": "It stopped."}
    )
    publish.tick(datetime.now(UTC))
    return made


def test_what_was_written_is_sound(installation: Any, record: Any) -> None:
    done = run("--json")
    told = json.loads(done.output)
    assert done.exit_code == 0 and told["sound"] and told["differences"] == []
    assert told["records"] == 1 and told["leaves"] == told["events"] > 0 and told["waiting"] == 0
    assert run().output.endswith("Sound.\n")
    assert run(record.number, "--quick").exit_code == 0


def test_a_row_that_was_changed_behind_its_back_is_named(installation: Any, record: Any) -> None:
    with psycopg.connect(installation.superuser_dsn, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("UPDATE kernel_record SET state = 'closed' WHERE number = %s", [record.number])
    done = run()
    assert done.exit_code == 1 and record.number in done.output and "DIFFERS" in done.output
    told = json.loads(run("--json").output)
    assert not told["sound"] and told["differences"][0]["subject"] == record.number


def test_a_record_that_is_not_there_is_wrong_use(installation: Any) -> None:
    with pytest.raises(CommandError) as told:
        run("CMP-2026-9999")
    assert told.value.code == 2
