"""Every operation of the OpenAPI document with input that a machine made up: no operation breaks, every answer is as the
document says, and nothing that was refused has changed anything.
"""

from collections import Counter
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.api.conftest import SERIALS, Company

pytestmark = pytest.mark.slow

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)
EXAMPLES = 6
STATE = (
    "kernel_record", "kernel_version", "kernel_event", "kernel_signature", "kernel_file", "kernel_link", "kernel_draft",
    "kernel_person", "kernel_grant", "kernel_keyrevocation", "api_token", "fleet_advisory", "fleet_population", "fleet_member", "fleet_move",
    "fleet_reply", "fleet_annotation", "fleet_device_state", "batch",
)  # fmt: skip


def standing() -> list[int]:
    """How many rows each table holds, and the sum of all revisions: what a refused call must leave as it is."""
    from django.db import connection

    with connection.cursor() as cursor:
        parts = ", ".join(f"(SELECT count(*) FROM {table})" for table in STATE)
        cursor.execute(f"SELECT {parts}, (SELECT coalesce(sum(revision), 0) FROM kernel_record)")
        row = cursor.fetchone()
        assert row is not None
        return list(row)


@pytest.fixture(scope="module")
def known(company: Company) -> dict[str, list[Any]]:
    """Values that name something, by the name of the parameter or field that takes them."""
    company.hire("fuzzer", "security_lead", "qa", "ra", "recall_coordinator")
    action = company.field_action()
    company["fuzzer"].post(f"/records/{action}/population", {}, 201)
    vulnerability = company.vulnerability()
    file = company["priya"].form(f"/records/{vulnerability}/files", {"file": _file()}).json()["sha256"]
    begun = company["fuzzer"].post(
        f"/records/{vulnerability}/ceremonies", {"step": "triage", "meaning": "reviewed", "seen": 1}, 201
    )
    return {
        "number": [action, vulnerability], "serial": SERIALS, "key": ["h0", "h1"], "sha256": [file],
        "ceremony": [begun["id"]], "step": ["triage", "evaluate", "open_field_action"], "advisory": [1],
        "index": [0, 1, 2, 3, 4, 99], "from": ["2026-01-01T00:00:00Z"], "to": ["2026-12-31T00:00:00Z"],
        "origin": [log["origin"] for log in company["fuzzer"].get("/logs")], "process": ["vulnerability", "complaint"],
        "seen": [1, 2, 3, 4, 5], "meaning": ["reviewed", "authored"], "relation": ["leads_to", "arises_from"],
        "target": [action, vulnerability], "serials": [SERIALS[:1], SERIALS[1:]], "owner": ["priya", "fuzzer"],
        "links": [[]], "sort": ["-due", "owner"], "fact": [["source=vulnerability_feed"]], "text": [SERIALS[0], "T4"],
        "bundle": [company["fuzzer"]("POST", f"/records/{vulnerability}/bundle").content],
        "start": [0, 1], "before": [1],
    }  # fmt: skip


def test_nothing_breaks_and_nothing_refused_changes_anything(
    company: Company, known: dict[str, list[Any]]
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
    headers = {"Authorization": f"Bearer {company['fuzzer'].token}", "Host": "localhost"}
    told: dict[str, Counter[int]] = {}
    wrong: list[str] = []
    for found in schema.get_all_operations():
        operation = found.ok()
        try:
            told[operation.label] = sum((fuzz(operation, mode, headers, known) for mode in MODES), Counter())
        except (AssertionError, FailureGroup, BaseExceptionGroup) as failed:
            wrong.append(f"{operation.label}: {_lines(failed)}")
    assert not wrong, "\n\n".join(wrong)
    assert len(told) > 60
    print(*(f"{label}: {dict(statuses)}" for label, statuses in told.items()), sep="\n")
    quiet = [label for label, statuses in told.items() if not any(s < 300 for s in statuses)]
    # What needs somebody signed in, a passkey's answer, a whole OSV file, or a record in a fitting state.
    assert len(quiet) <= 13, quiet


def fuzz(
    operation: Any, mode: GenerationMode, headers: dict[str, str], known: dict[str, list[Any]]
) -> Counter[int]:
    """Call one operation with made-up input; how often it answered what."""
    statuses: Counter[int] = Counter()

    @settings(
        max_examples=EXAMPLES, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck),
        phases=[Phase.explicit, Phase.generate],
    )  # fmt: skip
    @given(case=operation.as_strategy(generation_mode=mode), data=st.data())
    def run(case: Any, data: st.DataObject) -> None:
        for part in (case.path_parameters, case.query, case.body):
            for name in list(part) if isinstance(part, dict) else ():
                if name in known and data.draw(st.integers(0, 3)):
                    part[name] = data.draw(st.sampled_from(known[name]))
        before = standing()
        answer = case.call(headers=headers)
        statuses[answer.status_code] += 1
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code >= 400 or operation.method.upper() == "GET":
            assert standing() == before, (operation.label, answer.status_code)

    run()
    return statuses


def _lines(failed: BaseException) -> str:
    """What failed, with the failures inside a group."""
    inner = getattr(failed, "exceptions", ())
    return f"{failed} {' | '.join(_lines(one) for one in inner)}"[:1500]


def _file() -> Any:
    import io

    file = io.BytesIO(b"what was found")
    file.name = "found.txt"
    return file
