"""Bundles through the API: verified as the command line does it, and what is no bundle is refused with its place."""

import io
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.api.conftest import Company
from vouchsafe.bundle import verify
from vouchsafe.fleet import bundles
from vouchsafe.kernel import people

HOLDS = {"provenance", "integrity", "non-repudiation"}


@pytest.fixture(scope="module")
def bundle(company: Company) -> bytes:
    """Of a record that somebody signed whose account is closed now."""
    company.hire("ella", "security_lead")
    number = company.vulnerability()
    company.sign(number, "triage", "reviewed", "ella")
    viktor = company.people["viktor"]
    people.deactivate(company.people["ella"], by=viktor, at=datetime.now(UTC), reason="Left")
    answer = company["priya"]("POST", f"/records/{number}/bundle")
    assert answer.status_code == 200, answer.content
    return bytes(answer.content)


def ask(company: Company, by: str = "nobody", **files: bytes) -> Any:
    given = {}
    for name, data in files.items():
        given[name] = io.BytesIO(data)
        given[name].name = f"{name}.bin"
    return company[by].form("/bundles/verification", given)


def test_a_bundle_verifies_as_on_the_command_line_though_its_signer_has_left(
    company: Company, bundle: bytes
) -> None:
    found = ask(company, bundle=bundle).json()
    assert found["exit"] == 0 and found["findings"]
    assert HOLDS <= {p["property"] for p in found["properties"] if p["verdict"] == verify.HOLDS}
    (signature,) = found["signatures"]
    assert (signature["name"], signature["verdict"], signature["ceremony"]) == ("Ella", "holds", "passkey")
    trusted = verify.read_policy(bundles.trust(allow=bundles.UNWITNESSED).encode())
    assert found == verify.as_json(verify.check(bundle, trusted))


def test_a_changed_byte_fails_and_its_place_is_named(company: Company, bundle: bytes) -> None:
    at = bundle.index(b'"record.event"')
    found = ask(company, bundle=bundle[:at] + b"'" + bundle[at + 1 :]).json()
    assert found["exit"] == 1
    (integrity,) = [p for p in found["properties"] if p["property"] == "integrity"]
    assert integrity["verdict"] == verify.FAILS and integrity["place"]


def test_a_policy_of_ones_own_is_used_instead_of_the_installations(company: Company, bundle: bytes) -> None:
    strict = bundles.trust(allow=()).encode()
    assert ask(company, bundle=bundle, policy=strict).json()["exit"] == 1
    assert ask(company, bundle=bundle, policy=company["sal"]("GET", "/trust").content).json()["exit"] == 0


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({}, 422),
        ({"bundle": b""}, 422),
        ({"bundle": b"PK\x03\x04"}, 422),
        ({"bundle": b"no zip at all" * 100}, 422),
        ({"bundle": b"x", "policy": b"\xff\xfe"}, 422),
        ({"bundle": b"x", "policy": b"what is this\n"}, 422),
        ({"bundle": b"x", "policy": b"#" * (verify.MAX_POLICY_BYTES + 1)}, 413),
    ],
)
def test_what_is_no_bundle_or_no_policy_is_refused(
    company: Company, files: dict[str, bytes], status: int
) -> None:
    answer = ask(company, **files)
    assert answer.status_code == status, answer.content
    assert answer.json()["message"]


def test_an_oversized_bundle_is_refused_unread(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    from vouchsafe.api import bundles as door

    monkeypatch.setattr(door, "MAX_BUNDLE_BYTES", 9)
    assert ask(company, bundle=b"0123456789").status_code == 413
