"""GS1 to the letter: every identifier, every check, every written form, refusals with their place."""

import json
import re
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.udi import values
from vouchsafe.udi import ais, gs1, gs1_elements, linters
from vouchsafe.udi.errors import Malformed, NotRead, WrongCheck
from vouchsafe.udi.limits import MAX_CHARS, MAX_ELEMENTS
from vouchsafe.udi.parse import parse

GS = "\x1d"
DI = "05060912340019"
TODAY = date(2026, 11, 22)
TABLE = ais.table()
KINDS: dict[str, list[str]] = {}
for _ai, _identifier in TABLE.items():
    KINDS.setdefault(repr((_identifier.parts, _identifier.predefined)), []).append(_ai)


def read(text: str) -> dict[str, str]:
    return gs1.elements(text, today=TODAY)


def refused(text: str) -> Malformed:
    with pytest.raises(Malformed) as told:
        gs1.parse(text, today=TODAY)
    return told.value


@pytest.mark.parametrize("ais_of_kind", KINDS.values(), ids=lambda found: found[0])
def test_what_is_written_of_any_identifier_is_read_as_the_same(ais_of_kind: list[str]) -> None:
    @settings(max_examples=12, deadline=None)
    @given(st.data())
    def round_trip(data: st.DataObject) -> None:
        ai = data.draw(st.sampled_from(ais_of_kind))
        found = {ai: data.draw(values.value(TABLE[ai]))}
        for form in ("element", "human"):
            assert read(gs1.format(found, form, today=TODAY)) == found
        other = {"01": DI, "21": "A<GS>B"} | found
        for form in ("element", "human"):
            assert read(gs1.format(other, form, today=TODAY)) == other

    round_trip()


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_what_is_written_of_several_identifiers_is_read_as_the_same(data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(sorted(TABLE)), min_size=1, max_size=6, unique=True))
    found = {ai: data.draw(values.value(TABLE[ai])) for ai in chosen}
    element = gs1.format(found, "element", today=TODAY)
    for text in (
        element,
        "]d2" + element,
        "^" + element.lstrip(GS).replace(GS, "^"),
        gs1.format(found, "human", today=TODAY),
    ):
        assert read(text) == found


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_an_address_of_any_key_is_read_as_the_same(data: st.DataObject) -> None:
    key = data.draw(st.sampled_from([i for i in TABLE.values() if i.qualifiers is not None]))
    sequence = data.draw(st.sampled_from(key.qualifiers or ((),)))
    used = [ai for ai in sequence if data.draw(st.booleans())]
    alone = [
        ai
        for ai, i in TABLE.items()
        if i.attribute and i.qualifiers is None and not any(ai in s for s in key.qualifiers or ())
    ]
    more = data.draw(st.lists(st.sampled_from(alone), max_size=3, unique=True))
    found = {ai: data.draw(values.value(TABLE[ai])) for ai in (key.ai, *used, *more)}
    link = gs1.format(found, "link", today=TODAY)
    assert read(link) == found
    assert read(link.replace("https://id.gs1.org", "http://shop.example:8080/a/01/b") + "#more") == found


CASES = [
    # linter, text, place, expected
    ("csum", "(01)05060912340018", "(01) character 14", "the check digit 9"),
    ("csum", "(00)006141411234567891", "(00) character 18", "the check digit 0"),
    (
        "csumalpha",
        f"(01){DI}(8013)1987654Ad4X4bL5ttr2310c2X",
        "(8013) character 24",
        "the check characters 2K",
    ),
    ("csumalpha", f"(01){DI}(8013)19", "(8013)", "a model reference and two check characters"),
    ("gcppos1", f"(01){DI}(401)123A5", "(401) character 4", "a digit of the company prefix"),
    ("gcppos1", f"(01){DI}(8004)123", "(8004)", "a company prefix of at least 4 digits"),
    ("gcppos2", None, "", ""),  # its part is of digits: the character set refuses first
    ("hasnondigit", f"(01){DI}(8014)123450577523", "(8014)", "at least one character that is no digit"),
    ("yymmd0", f"(01){DI}(17)261301", "(17) character 3", "a month from 01 to 12"),
    ("yymmd0", f"(01){DI}(17)260029", "(17) character 3", "a month from 01 to 12"),
    ("yymmd0", f"(01){DI}(17)270229", "(17) character 5", "a day from 00 to 28"),
    ("yymmdd", f"(01){DI}(7006)260200", "(7006) character 5", "a day from 01"),
    ("yymmdd", f"(01){DI}(7007)260201260231", "(7007) character 11", "a day from 01 to 28"),
    ("yyyymmdd", "(8018)123456789012345675(7250)20261301", "(7250) character 5", "a month from 01 to 12"),
    ("yyyymmdd", "(8018)123456789012345675(7250)00001201", "(7250)", "a year"),
    ("yyyymmdd", "(8018)123456789012345675(7250)20261200", "(7250) character 7", "a day from 01"),
    ("hhmi", f"(01){DI}(7003)2612012400", "(7003) character 7", "an hour from 00 to 23"),
    ("hhmi", f"(01){DI}(7003)2612012360", "(7003) character 9", "a minute from 00 to 59"),
    ("hh", f"(01){DI}(8008)26120124", "(8008) character 7", "an hour from 00 to 23"),
    ("mi", f"(01){DI}(8008)2612012360", "(8008) character 9", "a minute from 00 to 59"),
    ("ss", f"(01){DI}(8008)261201235960", "(8008) character 11", "a second from 00 to 59"),
    ("iso3166", f"(01){DI}(422)999", "(422)", "a country's three digits"),
    ("iso3166", f"(01){DI}(423)826999", "(423) character 4", "a country's three digits"),
    ("iso3166999", f"(01){DI}(7030)998AB", "(7030)", "a country's three digits, or 999"),
    ("iso3166alpha2", "(00)006141411234567890(4307)XX", "(4307)", "a country's two letters"),
    ("iso4217", f"(01){DI}(3912)000123", "(3912)", "a currency's three digits"),
    ("iso5218", "(8018)123456789012345675(7252)3", "(7252)", "0, 1, 2 or 9 for the sex"),
    ("latitude", "(00)006141411234567890(4309)18000000010000000000", "(4309)", ""),
    ("longitude", "(00)006141411234567890(4309)18000000003600000001", "(4309) character 11", ""),
    ("yesno", "(00)006141411234567890(4321)2", "(4321)", "0 or 1"),
    (
        "hyphen",
        "(00)006141411234567890(4330)000100X",
        "(4330) character 7",
        "a hyphen, which means below zero",
    ),
    ("pcenc", "(00)006141411234567890(4300)AB%4", "(4300) character 3", "two hexadecimal digits after %"),
    ("importeridx", "(7040)1AB+", "(7040) character 4", "a digit, a letter, - or _"),
    ("packagetype", "(00)006141411234567890(7041)0A", "(7041)", ""),
    ("mediatype", "(8018)123456789012345675(7241)11", "(7241)", "a media type: 01 to 10 or 80 to 99"),
    ("posinseqslash", "(8018)123456789012345675(7258)3/2", "(7258)", "a position no higher than the end"),
    ("posinseqslash", "(8018)123456789012345675(7258)0/2", "(7258)", "numbers without a leading zero"),
    ("posinseqslash", "(8018)123456789012345675(7258)1-2", "(7258)", "a position and an end, such as 1/3"),
    ("nonzero", f"(01){DI}(8001)00000000000000", "(8001)", "a number above zero"),
    ("winding", f"(01){DI}(8001)00010000100120", "(8001) character 13", "0, 1 or 9 for the winding"),
    ("zero", "(8003)15060912340019", "(8003)", "0"),
    ("pieceoftotal", f"(8006){DI}0302", "(8006) character 15", "a piece no higher than the total"),
    ("pieceoftotal", f"(8006){DI}0002", "(8006) character 15", "a piece and a total from 01"),
    ("iban", "(415)5060912340019(8007)GB83WEST12345698765432", "(8007) character 3", "the check digits 82"),
    ("iban", "(415)5060912340019(8007)XX82WEST12345698765432", "(8007)", "a country's two letters"),
    ("iban", "(415)5060912340019(8007)GB82WEST12", "(8007)", "an IBAN of at least 11 characters"),
    (
        "iban",
        "(415)5060912340019(8007)GB82wEST12345698765432",
        "(8007) character 5",
        "a digit or capital letter",
    ),
    ("nozeroprefix", "(8010)5060A(8011)01", "(8011)", "a number without a leading zero"),
    ("couponcode", "(8110)712345612345611110123", "(8110)", ""),
    ("couponcode", "(8110)0123456123456111101237", "(8110) character 22", "the end of the coupon"),
    ("couponcode", "(8110)01234561234561111012332612014261202", "(8110) character 30", ""),
    ("couponcode", "(8110)0123456123456111101233261", "(8110) character 23", "the last day of 6 digits"),
    ("couponcode", "(8110)0123456123456111101233261301", "(8110) character 23", "the last day as YYMMDD"),
    ("couponcode", "(8110)0123456123456111X123", "(8110) character 17", "digits"),
    ("couponcode", "(8110)01234561234561", "(8110) character 15", "the save value of 1 digits"),
    ("couponposoffer", "(8112)201234561234560123456", "(8112)", "the format: one of 0, 1"),
]


def test_every_check_of_the_table_is_known_and_has_a_case() -> None:
    named = {name for i in TABLE.values() for p in i.parts for name in p.checks}
    assert named == linters.LINTERS.keys() == {case[0] for case in CASES}
    assert linters.LINTERS["gcppos2"]("0A23456", 2026) == linters.Fault(
        "a digit of the company prefix", 1, "A"
    )


@pytest.mark.parametrize(("name", "text", "place", "expected"), [c for c in CASES if c[1]])
def test_each_check_refuses_with_its_place(name: str, text: str, place: str, expected: str) -> None:
    with pytest.raises(Malformed) as told:
        read(text)
    assert told.value.place == place
    assert told.value.expected == expected or (not expected and told.value.expected)
    assert isinstance(told.value, WrongCheck) == (name in ("csum", "csumalpha", "iban") and "check" in expected
                                                  and "model" not in expected)  # fmt: skip


@pytest.mark.parametrize(
    ("value", "at"), [("123=", 4), ("1=3", 2), ("1===", 2), ("===", 1), ("AB==CD", 3), ("QUI=", 4)]
)
def test_padding_of_base64url_stands_last_and_fills_up(value: str, at: int) -> None:
    with pytest.raises(Malformed) as told:
        read(f"(8030){value}")
    assert told.value.place == f"(8030) character {at}"
    assert "a multiple of three" in told.value.expected
    for good in ("A", "AB", "ABC", "AB=", "A==", "ABCDE="):
        assert read(f"(8030){good}") == {"8030": good}


def test_a_line_below_the_symbol_may_be_broken() -> None:
    assert read(f" (01) {DI}\r\n(10)A/1\t\n (21) T4 \n") == {"01": DI, "10": "A/1", "21": "T4"}


def test_an_iban_and_whole_coupons_are_read() -> None:
    assert read("(8007)GB82WEST12345698765432")
    assert read("(8110)01234561234561111012310110123012345621101230123456")
    assert read("(8110)01234561234561111012310110123921101239")  # the first purchase's prefix, said by a 9
    assert read("(8110)0123456123456111101233261202426120150123456613456789" + "9" + "0101")


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        (f"(01){DI}(37)5", "(37)", "no (37) beside (01)"),
        (f"(01){DI}(21)A(235)B", "(235)", "no (235) beside (21)"),
        (f"(01){DI}(3101)000001(3102)000001", "(3102)", "no (3102) beside (3101)"),
        (f"(01){DI}(250)A", "(250)", "(01) with (21) or (03) with (21) or (8006) with (21) beside it"),
        (f"(01){DI}(8040)490154203237518", "(8040)", "(01) with (21) beside it"),
        (f"(01){DI}(21)A(253)5060912340019(8030)AAAA", "(253)", "a serial number, for (8030) signs one item"),
    ],
)
def test_elements_that_may_not_or_must_stand_together(text: str, place: str, expected: str) -> None:
    assert read(text)  # each element for itself is right
    told = refused(text)
    assert (told.place, told.expected) == (place, expected)


def test_companions_may_come_from_a_second_symbol() -> None:
    assert read(f"(10)A{GS}") == {"10": "A"}
    with pytest.raises(Malformed):
        gs1_elements.associations({"10": "A"})
    gs1_elements.associations({"253": "5060912340019A", "8030": "AAAA"})
    gs1_elements.associations({"8004": "5060A", "8030": "AAAA"})
    gs1_elements.associations({"01": DI, "10": "A", "21": "B", "250": "C"})


@pytest.mark.parametrize("sign", [GS, "^", "\u241d", "{GS}", "<GS>"])
@pytest.mark.parametrize("first", ["", "]d2", "]C1", "]e0", "]Q3", "]J1"])
def test_fnc1_in_every_spelling(sign: str, first: str) -> None:
    for text in (f"01{DI}10A{sign}21B", f"{sign}01{DI}10A{sign}21B{sign}", f"10A{sign}21B{sign}01{DI}{sign}"):
        assert read(first + text) == {"01": DI, "10": "A", "21": "B"}


def test_a_lot_may_hold_the_letters_of_a_separator() -> None:
    found = {"01": DI, "10": "A<GS>B", "21": "C"}
    assert gs1.format(found) == f"{GS}01{DI}10A<GS>B{GS}21C"
    assert gs1.format(found, "human") == rf"(01){DI}(10)A\<GS>B(21)C"
    assert read(f"(01){DI}(10)A<GS>(21)C")["10"] == "A"
    assert read(rf"(01){DI}(10)A\<GS>(21)C")["10"] == "A<GS>"


@pytest.mark.parametrize(
    ("text", "di"),
    [
        ("]E04012345678901", "04012345678901"),
        ("]E440170725", "00000040170725"),
        (f"]I1{DI}", DI),
        (f"]d1https://id.gs1.org/01/{DI}", DI),
        (f"]Q1https://id.gs1.org/01/{DI}", DI),
        (f"]J0https://id.gs1.org/01/{DI}", DI),
        ("036000291452", "00036000291452"),
    ],
)
def test_bare_gtins_and_carriers(text: str, di: str) -> None:
    assert parse(text).di == di


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("]E0401234567890", "character 4", "a GTIN of 13 digits"),
        ("]E04012345678902", "GTIN", "the check digit 1"),
        ("]X9123", "character 1", "a symbology identifier that carries UDIs, such as ]d2"),
        ("]d2", "character 4", "a UDI"),
        ("^", "character 2", "a GS1 Application Identifier"),
        (f"01{DI}{GS}{GS}10A", "character 18", "a GS1 Application Identifier"),
        (f"01{DI[:8]}{GS}10A", "(01)", "14 characters"),
        (f"01{DI}10{GS}21A", "(10)", "1 to 20 characters of GS1's set 82"),
        (f"(01){DI}(88)X", "character 19", r"a GS1 Application Identifier (in a value, a bracket is “\(”)"),
        (f" ( 01){DI}", "character 2", "a GS1 Application Identifier in brackets"),
        (f"(01){DI}(10)Ä", "(10) character 1", "characters of GS1's set 82"),
        (f"(01){DI}(10)A(10)B", "(10)", "one value"),
        (f"(01)\u0660{DI[1:]}", "(01) character 1", "digits"),
        ("https://01/" + DI, "character 11", "a primary key such as /01/ and its value"),
        ("https:///01/" + DI, "character 9", "a host"),
        ("https://$a/01/" + DI, "character 9", "a host"),
        ("https://a$/01/" + DI, "character 10", "a host"),
        (f"https://a/01/{DI}/", "character 10", "a primary key such as /01/ and its value"),
        (f"https://a/01//{DI}", "character 10", "a primary key such as /01/ and its value"),
        (f"https://a/01/{DI}/10/", "character 32", "a value of (10)"),
        (f"https://a/01/{DI}/21/A/10/B", "character 34", "a qualifier of (01), in its order"),
        (f"https://a/01/{DI}/22/A/235/B", "character 34", "a qualifier of (01), in its order"),
        (f"https://a/01/{DI}/99/A", "character 29", "a qualifier of (01), in its order"),
        (f"https://a/01/{DI}?10=A", "character 29", "an identifier that may stand in the query"),
        (f"https://a/01/{DI}?21=A", "character 29", "an identifier that may stand in the query"),
        (f"https://a/01/{DI}?x=1&17=", "character 36", "a value of (17)"),
        (f"https://a/01/{DI}?17=261130&89=A", "character 39", "a GS1 Application Identifier"),
        (f"https://a/01/{DI}?17=261130;17=261130", "character 39", "(17) once"),
        (f"https://a/01/{DI}/21/A%2", "character 33", "two hexadecimal digits after %"),
        (f"https://a/01/{DI}/21/A%C3%A4", "(21) character 2", "characters of GS1's set 82"),
        (f"https://a/01/{DI}?99=A+B", "(99) character 2", "characters of GS1's set 82"),
        (f"https://a/01/{DI}/21/A<B", "character 33", "a character of an address"),
        (f"https://a/01/{DI}/21/A\u00e4", "character 33", "a character of an address"),
    ],
)
def test_refusals_say_exactly_where(text: str, place: str, expected: str) -> None:
    told = refused(text)
    assert (told.place, told.expected) == (place, expected)


@pytest.mark.parametrize(
    "text", ["https://id.gs1.org/ARFKk4XBoCYgGG", f"https://id.gs1.org/01/{DI}/HHcEHSQ4x"]
)
def test_a_compressed_address_is_not_read_and_says_so(text: str) -> None:
    with pytest.raises(NotRead, match="not compressed"):
        gs1.elements(text)


@pytest.mark.parametrize(
    ("path", "at"),
    [(f"gtin/{DI}", 20), (f"gtin/{DI}/lot/ABCDEFGH12", 20), (f"a/b/gtin/{DI}/cpv/ABCDEFGH12/lot/1", 24)],
)
def test_an_address_that_spells_its_key_is_not_read_and_says_so(path: str, at: int) -> None:
    with pytest.raises(NotRead) as told:
        gs1.elements(f"https://id.gs1.org/{path}")
    assert (told.value.place, told.value.got) == (f"character {at}", "“gtin”")


@pytest.mark.parametrize(
    ("found", "form", "place"),
    [
        ({}, "element", "elements"),
        ({"88": "A"}, "element", "(88)"),
        ({"01": DI, "10": ""}, "human", "(10)"),
        ({"10": "A"}, "link", "elements"),
        ({"01": DI, "8011": "1"}, "link", "(8011)"),
    ],
)
def test_what_a_form_cannot_hold_is_not_written(found: dict[str, str], form: str, place: str) -> None:
    with pytest.raises(Malformed) as told:
        gs1.format(found, form)
    assert told.value.place == place


def test_an_unknown_form_is_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="element, human or link"):
        gs1.format({"01": DI}, "braille")


def test_fewest_separators_and_the_canonical_address() -> None:
    found = {"21": "S", "10": "L/1", "17": "280229", "01": DI, "8012": "4.2", "3103": "000195"}
    assert gs1.format(found) == f"01{DI}172802293103000195" + f"21S{GS}10L/1{GS}80124.2"
    wanted = f"https://id.gs1.org/01/{DI}/10/L%2F1/21/S?17=280229&3103=000195&8012=4.2"
    assert gs1.format(found, "link") == wanted
    alternative = {"01": DI, "235": "T", "10": "L"}
    assert gs1.format(alternative, "link") == f"https://id.gs1.org/01/{DI}/235/T?10=L"


def test_a_day_that_two_digits_cannot_say_is_not_written() -> None:
    for year in (1976, 2077):
        with pytest.raises(Malformed, match=r"\(17\): expected a day that two digits"):
            gs1.element_string(DI, expires=date(year, 1, 1), today=TODAY)
    assert gs1.element_string(DI, expires=date(2076, 1, 1), today=TODAY).endswith("760101")


@pytest.mark.parametrize(
    ("today", "expires"), [(date(2026, 1, 1), "2076"), (date(2027, 1, 1), "2076"), (date(2025, 1, 1), "1976")]
)
def test_the_window_slides_with_the_day_passed_in(today: date, expires: str) -> None:
    said = gs1.parse(f"(01){DI}(17)760100", today=today)
    assert said.expires is not None
    assert (said.expires.isoformat(), said.expires_text) == (f"{expires}-01-31", "760100")


def test_29_february_depends_on_the_century() -> None:
    assert read(f"(01){DI}(17)000229")  # 2000
    with pytest.raises(Malformed, match="a day from 00 to 28"):
        gs1.elements(f"(01){DI}(17)000229", today=date(2060, 1, 1))  # 2100


def test_the_limits_at_and_past() -> None:
    many = "(01)" + DI + "(10)A" * (MAX_ELEMENTS - 1)
    assert read(many) == {"01": DI, "10": "A"}
    assert refused(many + "(10)A").place == f"element {MAX_ELEMENTS + 1}"
    padded = many.ljust(MAX_CHARS)
    assert read(padded) == {"01": DI, "10": "A"}
    assert refused(padded + " ").place == "length"


def test_the_titles_and_rules_of_some_identifiers() -> None:
    assert (TABLE["01"].title, TABLE["8012"].title, TABLE["3103"].title) == (
        "GTIN",
        "VERSION",
        "NET WEIGHT (kg)",
    )
    assert TABLE["01"].qualifiers == (("22", "10", "21"), ("235",))
    assert TABLE["00"].qualifiers == ()
    assert TABLE["10"].qualifiers is None
    assert ais.matches("310n", "3105")
    assert not ais.matches("310n", "3115")


GOOD = [
    f"(01){DI}(17)280200(10)A/1(21)T4-0311-88207(8012)4.2.1",
    f"]d201{DI}1728020010A/1{GS}21T4-0311-88207{GS}80124.2.1",
    f"https://id.gs1.org/01/{DI}/10/A%2F1/21/T4?17=280229&8012=4.2.1#x",
    "(00)006141411234567890(4309)09000000001800000000(4300)A%41",
]


@st.composite
def mutated(draw: Any) -> str:
    """A good text with pieces dropped, doubled, swapped, retyped, cut."""
    pieces = re.findall(r"\(\d+\)|[/?&=#%]|\x1d|[^(/?&=#%\x1d]+", draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 4))):
        i = draw(st.integers(0, len(pieces) - 1)) if pieces else 0
        match draw(st.sampled_from(["drop", "double", "swap", "retype", "cut"])):
            case "drop":
                pieces[i : i + 1] = []
            case "double":
                pieces[i:i] = pieces[i : i + 1]
            case "swap":
                pieces[i:] = reversed(pieces[i:])
            case "retype":
                pieces[i : i + 1] = [draw(st.text(max_size=6) | st.sampled_from(sorted(TABLE)))]
            case _:
                pieces = pieces[:i]
    return "".join(pieces)


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_mutated_text_is_read_or_refused(text: str) -> None:
    try:
        found = read(text)
    except Malformed as told:
        assert json.dumps([told.place, told.expected, told.got])
        return
    assert read(gs1.format(found, today=TODAY)) == found
