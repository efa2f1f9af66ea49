"""Our verdict on a document's shape is the JSON schema's: on the real advisories, and on every mutation of two documents.

The schemas are OASIS's and FIRST's, from the fixtures; the validator comes with the tools for tests.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.disagreements import compare
from tests.sbom import csaf_documents as documents
from vouchsafe.sbom import csaf
from vouchsafe.sbom.errors import Malformed

LIST = Path(__file__).with_name("disagreements_csaf.tsv")
SHAPE = {"schema", "6.1.8", "6.1.46", "6.1.60.1"}
OTHERS: tuple[Any, ...] = (None, True, 7, "", "x", [], {}, ["x"])


def validator(fixtures: Path, version: str) -> Callable[[Any], bool]:
    rs = pytest.importorskip("jsonschema_rs")
    folder = fixtures / "sbom/oasis-tcs_csaf" / f"csaf_{version}"
    resources = []
    for file in sorted(folder.rglob("*.json")):
        schema = json.loads(file.read_bytes())
        named = schema.pop("$id", None) or schema.pop("id")
        if file.name == "meta.json" or file.stem.endswith("_strict"):  # the strict ones have the others' ids
            continue
        # Metaschemas of their own only add the assertion of formats, which is on for all.
        if "meta.json" in schema.get("$schema", "") or "metaschema" in schema.get("$schema", ""):
            schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
        resources.append((named.partition("?")[0], schema))
    root = "csaf_json_schema.json" if version == "2.0" else "csaf.json"
    top = json.loads((folder / "json_schema" / root).read_bytes())
    top["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    made = rs.validator_for(top, validate_formats=True, registry=rs.Registry(resources))
    return lambda value: bool(made.is_valid(value))


def ours(value: Any) -> bool:
    try:
        return not SHAPE & {p.kind for p in csaf.read(json.dumps(value).encode()).problems}
    except Malformed:
        return False


def test_the_real_advisories_agree_with_the_schema(fixtures: Path) -> None:
    valid = validator(fixtures, "2.0")
    files = sorted((fixtures / "vuln/cisa-icsma").rglob("*.json"))
    assert len(files) == 79
    wrong = set()
    for file in files:
        value = json.loads(file.read_bytes())
        if valid(value) != ours(value):
            wrong.add((file.name, "whole"))
    compare(LIST, "icsma", wrong)


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_every_mutation_of_a_full_document_agrees_with_the_schema(fixtures: Path, version: str) -> None:
    valid = validator(fixtures, version)
    good = documents.old() if version == "2.0" else documents.new()
    assert valid(good) and ours(good)
    wrong, refused, taken = set(), 0, 0
    for way in documents.places(good):
        if way[-1] in ("document", "csaf_version"):
            continue
        values: list[tuple[Any, ...]] = [(), *((v,) for v in OTHERS)]
        for value in values:
            changed = documents.changed(good, way, *value)
            verdict = valid(changed)
            refused, taken = refused + (not verdict), taken + verdict
            if ours(changed) != verdict:
                case = json.dumps(value[0]) if value else "dropped"
                wrong.add((".".join(map(str, way)), case))
    compare(LIST, f"mutations-{version}", wrong)
    assert refused > 1000 and taken > 100


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_members_that_no_schema_names_are_for_version_2_0_only(fixtures: Path, version: str) -> None:
    valid = validator(fixtures, version)
    good = documents.old() if version == "2.0" else documents.new()
    wrong = set()
    for way in documents.places(good):
        at: Any = good
        for key in way:
            at = at[key]
        if isinstance(at, dict):
            changed = documents.changed(good, (*way, "x_other"), 1)
            if ours(changed) != valid(changed):
                wrong.add((".".join(map(str, way)), "another member"))
    compare(LIST, f"members-{version}", wrong)


# (way, text): what patterns and formats take and refuse.
TEXTS = {
    ("document", "lang"): "en de-CH zh-Hant-TW sl-rozaj-biske x-own i-default e en- en-GBR1 12 de-419 en-a-bb i-klingon",
    ("document", "tracking", "version"): "0 1 01 1.0.0 1.0 1.0.0-rc.1 1.0.0-01 1.0.0+b.1 1.0.0-rc.1+b v1 1.0.0-",
    ("document", "category"): "csaf_base a _a a_ a-b -a a. ab\u00a0",
    ("document", "publisher", "namespace"): "https://a urn:x:y http:// a:b //a /a a https://a/%zz https://a/ü"
    " https://[::1]/ mailto:a@b https://a:b/ https://a:80/?q#f https://a/<b> a1+-.:x",
    ("document", "tracking", "current_release_date"): "2026-02-05T12:00:00Z 2026-02-05t12:00:00z 2026-02-05"
    " 2026-02-05T24:00:00Z 2026-02-05T12:00:00 2026-02-05T12:00:00.123456789+01:00 2026-13-05T12:00:00Z"
    " 2016-12-31T23:59:60Z 2016-12-31T22:59:60Z 2017-01-01T00:59:60+01:00 2026-02-05T12:00:00+24:00"
    " 2026-02-05T12:00:00.Z 2026-02-05T12:00:60Z 2026-2-5T12:00:00Z",
    ("vulnerabilities", 0, "cve"): "CVE-2026-1234 CVE-2026-123 CVE-26-1234 cve-2026-1234 CVE-2026-12345678",
    ("product_tree", "branches", 0, "branches", 0, "branches", 0, "product", "product_identification_helper", "cpe"):
    r"cpe:/a:b:c cpe:/ cpe:/x:b CPE:/O:a:b:c:d:e:f:g cpe:2.3:a:b:c:1.0:*:*:*:*:*:*:* cpe:2.3:a:b:c:*:*:*:*:*:*:*"
    r" cpe:2.3:a:b\:x:c:??1*:-:*:en-US:*:*:*:* cpe:2.3:*:*:*:*:*:*:*:*:*:*:* cpe:2.3:a:b:c:1:*:*:english:*:*:*:*",
}  # fmt: skip


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_texts_agree_with_the_schemas_patterns_and_formats(fixtures: Path, version: str) -> None:
    valid = validator(fixtures, version)
    good = documents.old() if version == "2.0" else documents.new()
    wrong = set()
    for way, said in TEXTS.items():
        for text in (*said.split(" "), "a b", "a\n", "\u2028"):
            changed = documents.changed(good, way, text)
            if ours(changed) != valid(changed):
                wrong.add((".".join(map(str, way)), json.dumps(text)))
    compare(LIST, f"texts-{version}", wrong)
