"""The demonstration's people and records go through the kernel's own doors."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

pytestmark = [pytest.mark.server, pytest.mark.slow]
FOLDER = Path(__file__).parents[2] / "examples" / "fellside"


def test_the_company_and_its_records_load_once(db, tmp_path):
    from django.test import override_settings

    from vouchsafe.kernel import acts, audit, people, queries
    from vouchsafe.kernel.views import Filters
    from vouchsafe.server.demo import company, records
    from vouchsafe.server.demo.state import State

    with override_settings(VOUCHSAFE_DATA=tmp_path):
        state, now = State(tmp_path), datetime.now(UTC)
        described = company.read(FOLDER)
        company.add_people(described, state.password(), now - timedelta(days=130))
        records.load(FOLDER, state)
        records.load(FOLDER, state)
        acts.system_steps(datetime.now(UTC))
        ingrid = people.find("ingrid.solheim")
        rows = queries.records("", Filters(sort="number"), ingrid, now=datetime.now(UTC)).rows
        assert [(r.number[:4], r.state) for r in rows] == [
            ("CAPA", "proposed"),
            ("CAPA", "effectiveness_pending"),
            ("CMP-", "registered"),
            ("CMP-", "received"),
            ("CMP-", "received"),
        ]
        assert audit.audit(datetime.now(UTC)).sound
