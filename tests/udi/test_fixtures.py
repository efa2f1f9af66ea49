"""Other people's identifiers: GS1's dictionary and GMN vectors, GUDID, AccessGUDID's answers, EUDAMED's messages."""

import json
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from tests import disagreements
from vouchsafe.udi import ais, basic_udi, checks, gs1
from vouchsafe.udi.errors import Malformed, UdiError, WrongCheck
from vouchsafe.udi.parse import parse

LISTED = Path(__file__).parent / "disagreements.tsv"


def dictionary(fixtures: Path) -> Iterator[tuple[str, str, list[str], dict[str, list[str]], str]]:
    """Identifier, flags, parts, attributes and title, read here by other means than by the tool that wrote the table."""
    (path,) = (fixtures / "field-data/gs1_gs1-syntax-dictionary").rglob("*.txt")
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line[:1].isdigit():
            continue
        body, _, title = line.partition("#")
        words = body.split()
        ranged = words.pop(0)
        flags = words.pop(0) if words[0][0] in "*?" else ""
        parts = [w for w in words if re.match(r"\[?[NXYZ]", w)]
        attributes: dict[str, list[str]] = {}
        for word in words[len(parts) :]:
            key, _, value = word.partition("=")
            attributes.setdefault(key, []).append(value)
        first, _, last = ranged.partition("-")
        for n in range(int(first), int(last or first) + 1):
            yield str(n).zfill(len(first)), flags, parts, attributes, title.strip()


def written(part: ais.Part) -> str:
    lengths = f"..{part.most}" if part.least != part.most else f"{part.most}"
    text = f"[{part.kind}{lengths}]" if part.optional else f"{part.kind}{lengths}"
    return ",".join((text, *part.checks))


def test_the_identifiers_are_those_of_the_syntax_dictionary(fixtures: Path) -> None:
    seen = set()
    for ai, flags, parts, attributes, title in dictionary(fixtures):
        ours = ais.table()[ai]
        seen.add(ai)
        assert (ours.predefined, ours.attribute) == ("*" in flags, "?" in flags), ai
        assert [written(p) for p in ours.parts] == parts, ai
        assert [",".join("+".join(group) for group in need) for need in ours.needs] == attributes.get(
            "req", []
        ), ai
        assert list(ours.excludes) == [x for value in attributes.get("ex", []) for x in value.split(",")], ai
        key = attributes.get("dlpkey")
        sequences = None if key is None else tuple(tuple(s.split(",")) for s in key[0].split("|") if s)
        assert (ours.qualifiers, ours.title) == (sequences, title), ai
    assert seen == ais.table().keys()
    assert len(seen) == 541


def test_the_published_gmn_vectors(fixtures: Path) -> None:
    files = sorted((fixtures / "field-data/gs1_healthcare-gmn-helpers").rglob("*.json"))
    vectors = json.loads(files[0].read_bytes())["vectors"]
    assert len(vectors) == 23
    for v in vectors:
        if v["function"] == "verifyCheckCharacters":
            if "error_contains" in v:
                with pytest.raises(Malformed):
                    basic_udi.parse(v["input"])
            elif v["expect"]:
                assert basic_udi.parse(v["input"]).text == v["input"]
            else:
                with pytest.raises(WrongCheck):
                    basic_udi.parse(v["input"])
        elif "error_contains" in v:
            with pytest.raises(Malformed):
                basic_udi.with_check(v["input"])
        elif v["function"] == "addCheckCharacters":
            assert basic_udi.with_check(v["input"]) == v["expect"]
        else:
            assert basic_udi.with_check(v["input"]) == v["input"] + v["expect"]


IDENTIFIER = re.compile(
    r"<deviceId>([^<]+)</deviceId>\s*<deviceIdType>[^<]*</deviceIdType>\s*"
    r"<deviceIdIssuingAgency>([^<]+)</deviceIdIssuingAgency>"
)


def test_real_identifiers_of_a_public_database(fixtures: Path) -> None:
    """Every identifier of the GUDID files is read, its check digit holds, and another last digit does not."""
    found = [
        pair
        for path in sorted((fixtures / "field-data/FDA_openfda").rglob("*.xml"))
        for pair in IDENTIFIER.findall(path.read_text(encoding="utf-8"))
    ]
    assert len(found) >= 151
    for identifier, agency in found:
        said = parse(identifier)
        assert (said.agency, said.di) == (agency, identifier.zfill(14))
        with pytest.raises(WrongCheck):
            gs1.parse(identifier[:-1] + str((int(identifier[-1]) + 1) % 10))


def test_the_answers_of_accessgudid(fixtures: Path) -> None:
    folder = fixtures / "field-data/MedicalMundi_php-access-gudid-consumer"
    told = json.loads((folder / "json_parse_udi_by_device_identifier_code.json").read_bytes())
    name = "json_parse_udi_by_device_identifier_code.json"
    try:
        parse(told["udi"])
        disagreeing = set()
    except WrongCheck:
        disagreeing = {(name, told["udi"])}
    disagreements.compare(LISTED, "accessgudid", disagreeing)
    mended = told["di"][:-1] + checks.mod10(told["di"][:-1])
    said = parse(told["udi"].replace(told["di"], mended), today=date(2016, 1, 1))
    assert said.expires is not None
    assert (said.agency, said.expires_text, said.expires.isoformat()) == (
        told["issuingAgency"],
        told["expirationDateOriginal"],
        told["expirationDate"],
    )
    assert (said.made, said.lot, said.serial) == (told["manufacturingDateOriginal"], "", "")
    device = json.loads((folder / "json_devices_lookup_by_device_identifier_code.json").read_bytes())[
        "gudid"
    ]["device"]
    for identifier in device["identifiers"]["identifier"]:
        assert parse(identifier["deviceId"]).agency == identifier["deviceIdIssuingAgency"]
    history = json.loads((folder / "json_devices_history_by_device_identifier_code.json").read_bytes())[
        "history"
    ]
    for version in history.values():
        assert parse(version["primary_di"]).di == version["primary_di"]


def test_identifiers_of_eudameds_official_messages(fixtures: Path) -> None:
    """Each code is read as what its issuing entity gives out. Most samples are templates: those are listed."""
    disagreeing, agreed = set(), set()
    for path in sorted((fixtures / "field-data/eudamed/samples").glob("*.xml")):
        text = path.read_text(encoding="utf-8")
        for code, entity in re.findall(r"DICode>([^<]*)<[^<]*<[^>]*issuingEntityCode>([^<]*)<", text):
            if not code.strip():
                continue
            case = (path.name, f"{entity.strip()} {code.strip()}")
            (agreed if _reads(code.strip(), entity.strip()) else disagreeing).add(case)
    assert len(agreed) >= 7
    disagreements.compare(LISTED, "eudamed", disagreeing)


def _reads(code: str, entity: str) -> bool:
    for read in (lambda: parse(code).agency, lambda: basic_udi.parse(code).agency):
        try:
            if read() == entity:
                return True
        except UdiError:
            continue
    return False
