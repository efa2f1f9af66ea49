"""HIBCC, ICCBBA, IFA, the Basic UDI-DI and EUDAMED's own identifiers: forms, check characters, places."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vouchsafe.udi import basic_udi, checks, dates, hibcc, iccbba, ifa
from vouchsafe.udi.errors import Malformed, UdiError, WrongCheck
from vouchsafe.udi.limits import MAX_CHARS, MAX_ELEMENTS
from vouchsafe.udi.parse import parse

TODAY = date(2026, 11, 22)
GS, RS, EOT = "\x1d", "\x1e", "\x04"


def hibc(body: str) -> str:
    return body + checks.mod43(body)


DATED = [
    ("/$LOT1", {"lot": "LOT1"}),
    ("/$+SER1", {"serial": "SER1"}),
    ("/$$7LOT1", {"lot": "LOT1"}),
    ("/$$+7SER1", {"serial": "SER1"}),
    ("/$$0228LOT1", {"lot": "LOT1", "expires": "2028-02-29", "expires_text": "0228"}),
    ("/$$+0228SER1", {"serial": "SER1", "expires": "2028-02-29", "expires_text": "0228"}),
    ("/$$2022828LOT1", {"lot": "LOT1", "expires": "2028-02-28", "expires_text": "022828"}),
    ("/$$+2022828SER1", {"serial": "SER1", "expires": "2028-02-28", "expires_text": "022828"}),
    ("/$$3280228LOT1", {"lot": "LOT1", "expires": "2028-02-28", "expires_text": "280228"}),
    ("/$$3280200LOT1", {"lot": "LOT1", "expires": "2028-02-29", "expires_text": "280200"}),
    ("/$$+32802281", {"serial": "1", "expires": "2028-02-28", "expires_text": "280228"}),
    ("/$$42802281600", {"lot": "00", "expires": "2028-02-28", "expires_text": "28022816"}),
    ("/$$+42802281600", {"serial": "00", "expires": "2028-02-28", "expires_text": "28022816"}),
    ("/$$528060LOT1", {"lot": "LOT1", "expires": "2028-02-29", "expires_text": "28060"}),
    ("/$$+528060S", {"serial": "S", "expires": "2028-02-29", "expires_text": "28060"}),
    ("/$$62806016LOT1", {"lot": "LOT1", "expires": "2028-02-29", "expires_text": "2806016"}),
    ("/$$+62806016S", {"serial": "S", "expires": "2028-02-29", "expires_text": "2806016"}),
    ("/$$3280228", {"expires": "2028-02-28", "expires_text": "280228"}),
    ("/$$812", {"others": {"Q": "12"}}),
    ("/$$8127LOT1", {"lot": "LOT1", "others": {"Q": "12"}}),
    (
        "/$$9001233280228LOT1",
        {"lot": "LOT1", "expires": "2028-02-28", "expires_text": "280228", "others": {"Q": "00123"}},
    ),
    (
        "/16D20260102/14D20280203/SX1",
        {
            "made": "2026-01-02",
            "made_text": "20260102",
            "expires": "2028-02-03",
            "expires_text": "20280203",
            "serial": "X1",
        },
    ),
    ("/Q10", {"others": {"Q": "10"}}),
    ("/$A B-1.2/SX1/Q5", {"lot": "A B-1.2", "serial": "X1", "others": {"Q": "5"}}),
]


@pytest.mark.parametrize(("data", "expected"), DATED)
def test_hibc_secondary_data(data: str, expected: dict[str, Any]) -> None:
    text = hibc("+A999ABC0" + data)
    said = hibcc.parse(text, today=TODAY).as_json()
    assert said == {"agency": "HIBCC", "di": "A999ABC0", "check": text[-1]} | expected
    assert hibcc.check(text) == text[-1]


@pytest.mark.parametrize(("data", "expected"), [d for d in DATED if d[0].startswith("/$")])
def test_hibc_data_in_a_second_symbol(data: str, expected: dict[str, Any]) -> None:
    primary = hibc("+A999ABC0")
    secondary = hibc("+" + data[1:] + primary[-1])
    said = parse(f"{primary}\n{secondary}", today=TODAY).as_json()
    assert said == {"agency": "HIBCC", "di": "A999ABC0", "check": primary[-1]} | expected
    assert hibcc.check(secondary) == secondary[-1]


def test_hibc_oldest_secondary_form_may_follow_the_primary_in_one_symbol() -> None:
    said = hibcc.parse(hibc("+A999ABC0/28060LOT1/SX1"), today=TODAY)
    assert (said.lot, said.serial, said.expires_text, said.expires) == (
        "LOT1",
        "X1",
        "28060",
        date(2028, 2, 29),
    )
    with pytest.raises(Malformed, match=r"character 15: expected \$, \$\$"):
        hibcc.parse(hibc("+A999ABC0/SX1/28060LOT1"), today=TODAY)


def test_hibc_expiry_in_two_notations_is_one_day() -> None:
    said = hibcc.parse(hibc("+A999ABC0/$$528060LOT1/14D20280229"), today=TODAY)
    assert (said.expires_text, said.expires) == ("28060", date(2028, 2, 29))
    with pytest.raises(
        Malformed, match="character 27: expected one day of expiry: 2028-02-29, got 2028-03-01"
    ):
        hibcc.parse(hibc("+A999ABC0/$$528060LOT1/14D20280301"), today=TODAY)


def test_hibc_oldest_secondary_form_has_a_julian_date_and_no_flag() -> None:
    primary = hibc("+A999ABC0")
    said = hibcc.parse(primary, hibc("+28060LOT1" + primary[-1]), today=TODAY)
    assert (said.lot, said.expires_text, said.expires) == ("LOT1", "28060", date(2028, 2, 29))


@pytest.mark.parametrize(
    ("data", "place", "expected"),
    [
        ("/$", "character 12", "1 to 18 capital letters, digits, - . or space"),
        ("/$" + "A" * 19, "character 12", "1 to 18 capital letters, digits, - . or space"),
        ("/$$2132828L", "character 14", "a month from 01 to 12"),
        ("/$$322", "character 14", "6 digits"),
        ("/$$428022824", "character 14", "an hour from 00 to 23"),
        ("/$$528367", "character 14", "a day of the year from 001 to 366"),
        ("/$$527366", "character 14", "a day of the year from 001 to 365"),
        ("/$$1328L", "character 13", "a month from 01 to 12"),
        ("/$$8A", "character 14", "2 digits"),
        ("/$$+7", "character 15", "1 to 18 capital letters, digits, - . or space"),
        ("/Z1", "character 11", "$, $$, $+, $$+, S, 14D, 16D or Q"),
        ("/$L/Z1", "character 14", "$, $$, $+, $$+, S, 14D, 16D or Q"),
        ("/16D2026010", "character 14", "8 digits"),
        ("/16D20261301", "character 14", "a month from 01 to 12"),
        ("/Q", "character 12", "1 digits"),
        ("/$L1/$L2", "character 16", "one value: “L1”"),
        ("/$+S1/SS2", "character 17", "one value: “S1”"),
        ("/Q1/Q2", "character 15", "one quantity: “1”"),
        ("/", "character 11", "$, $$, $+, $$+, S, 14D, 16D or Q"),
    ],
)
def test_hibc_refusals_say_where(data: str, place: str, expected: str) -> None:
    with pytest.raises(Malformed) as told:
        hibcc.parse(hibc("+A999ABC0" + data), today=TODAY)
    assert (told.value.place, told.value.expected) == (place, expected)


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("A999ABC0X", "character 1", "the HIBC flag “+”"),
        ("+A999abc0X", "character 6", "a digit, capital letter or one of -. $/+%"),
        ("+A999ABC0x", "character 10", "a digit, capital letter or one of -. $/+%"),
        (hibc("+9999ABC0"), "character 2", "a primary symbol, which names the device; a letter first"),
        (hibc("+$LOT1G"), "character 2", "a primary symbol, which names the device; a letter first"),
        (hibc("+A999ABCD"), "character 2", "labeler (4, a letter first), product (1 to 18), one digit"),
        (
            hibc("+A999" + "A" * 19 + "0"),
            "character 2",
            "labeler (4, a letter first), product (1 to 18), one digit",
        ),
    ],
)
def test_hibc_primary_refusals_say_where(text: str, place: str, expected: str) -> None:
    with pytest.raises(Malformed) as told:
        hibcc.parse(text)
    assert (told.value.place, told.value.expected) == (place, expected)


def test_hibc_limits_of_product_and_parts() -> None:
    assert hibcc.parse(hibc("+A999" + "A" * 18 + "0")).di == "A999" + "A" * 18 + "0"
    assert hibcc.parse(hibc("+A999A0" + "/Q1" * MAX_ELEMENTS)).others == {"Q": "1"}
    with pytest.raises(Malformed, match=f"character 9: expected at most {MAX_ELEMENTS} parts"):
        hibcc.parse(hibc("+A999A0" + "/Q1" * (MAX_ELEMENTS + 1)))


def test_hibc_wrong_check_says_what_was_expected_and_what_came() -> None:
    with pytest.raises(WrongCheck) as told:
        hibcc.parse("+A999ABC123DE1/$+1234567Y")
    assert (told.value.place, told.value.expected, told.value.got) == (
        "character 25",
        "the check character “Z”",
        "“Y”",
    )
    primary = hibc("+A999ABC0")
    wrong = "A" if primary[-1] != "A" else "B"
    with pytest.raises(WrongCheck, match="secondary link character"):
        hibcc.parse(primary, hibc("+$LOT1" + wrong))
    for second, place, error in (
        (hibc("+$LOT1" + primary[-1])[:-1] + "%", "secondary character 8", WrongCheck),
        (hibc("+$$1328L" + primary[-1]), "secondary character 4", Malformed),
    ):
        with pytest.raises(error) as said:
            parse(f"{primary}\r\n{second}")
        assert (type(said.value), said.value.place) == (error, place)
    assert hibcc.parse(f"*{primary}*").di == parse("]C0" + primary).di == "A999ABC0"


def test_a_space_as_check_character_is_printed_as_an_underscore() -> None:
    body = next(b for n in range(1000) if checks.mod43(b := f"+A999X{n:03}1") == " ")
    assert hibcc.parse(body + "_").di == hibcc.parse(body + " ").di == body[1:]


def test_iccbba_elements_and_compound_symbols() -> None:
    di = "=/A9999XYZ100T0944"
    assert parse("=+03000" + di + "=,000025=>014032").serial == "000025"
    said = iccbba.parse(di + "&>0260332359=*026001&,1" + "0" * 18)
    assert (said.expires, said.expires_text, dict(said.others)) == (
        date(2026, 2, 2),
        "0260332359",
        {"collected": "026001"},
    )
    assert iccbba.parse("=)1234567890&)ABCDEFGHIJ").lot == "ABCDEFGHIJ"
    assert iccbba.parse(di + "=}999001").made == date(1999, 1, 1)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("=+02000=/A9999XYZ100T0944", "character 3"),
        ("=+0A000=/A9999XYZ100T0944", "character 3"),
        ("=/A9999XYZ100T0944=>02603A", "character 21"),
        ("=/A9999XYZ100T0944=>026366", "character 21"),
        ("=/A9999XYZ100T0944&>0260012400", "character 27"),
        ("=/A9999XYZ100T0944&>0260012360", "character 27"),
        ("=,000025=>026001", "character 1"),
        ("=/A9999XYZ100T0944=%T300", "character 19"),
        ("=/A9999XYZ100T0944=", "character 19"),
        ("=/A999OXYZ100T0944", "character 3"),
        ("=/A9999XYZ100T0944=A9O991712345600", "character 20"),
        ("=/A9999XYZ100T0944=A99991A12345600", "character 20"),
    ],
)
def test_iccbba_refusals_say_where(text: str, place: str) -> None:
    with pytest.raises(Malformed) as told:
        iccbba.parse(text)
    assert told.value.place == place


def test_iccbba_flags_of_a_donation_may_be_a_check_that_must_hold() -> None:
    assert checks.mod37_2("G123498654321") == "17"
    di = "=/A9999XYZ100T0944"
    assert iccbba.parse(di + "=G12349865432177").check == "77"
    assert iccbba.parse(di + "=G12349865432100").check == ""
    with pytest.raises(WrongCheck) as told:
        iccbba.parse(di + "=G12349865432178")
    assert (told.value.place, told.value.expected, told.value.got) == ("character 33", "the flags 77", "“78”")


@pytest.mark.parametrize(
    "text",
    [
        f"[)>{RS}06{GS}9N110375286414{GS}1T12345ABCD{GS}D280200{GS}S1234567890{RS}{EOT}",
        "[)><RS>06<GS>9N110375286414<GS>1T12345ABCD<GS>D280200<GS>S1234567890<RS><EOT>",
        f"9N110375286414{GS}1T12345ABCD{GS}D280200{GS}S1234567890",
        "(9N)110375286414(1T)12345ABCD(D)280200(S)1234567890",
    ],
)
def test_ifa_forms_of_one_product(text: str) -> None:
    assert parse(text, today=TODAY).as_json() == {
        "agency": "IFA",
        "di": "110375286414",
        "lot": "12345ABCD",
        "serial": "1234567890",
        "expires": "2028-02-29",
        "expires_text": "280200",
        "check": "14",
    }


@pytest.mark.parametrize(
    ("text", "place", "error"),
    [
        ("9N110375286415", "character 13", WrongCheck),
        ("9N1103752864A4", "character 3", Malformed),
        ("9N13123451A_B00", "character 3", Malformed),
        ("9N13" + "1" * 25 + "00", "character 3", Malformed),
        (f"9N110375286414{GS}X1", "character 16", Malformed),
        (f"9N110375286414{GS}1T", "character 18", Malformed),
        (f"9N110375286414{GS}D281301", "character 17", Malformed),
        (f"9N110375286414{GS}16D2028130", "character 19", Malformed),
        (f"9N110375286414{GS}SA{GS}SB", "character 20", Malformed),
        (f"[)>{RS}05{GS}9N110375286414", "character 4", Malformed),
        (f"[)>{RS}06{GS}9N110375286414", "character 22", Malformed),
        ("(9N)110375286415", "character 15", WrongCheck),
        ("(9N", "character 1", Malformed),
        ("(S)A(9N)110375286414", "character 1", Malformed),
        ("9N110375286414\x1dD2802", "character 17", Malformed),
    ],
)
def test_ifa_refusals_say_where(text: str, place: str, error: type[Malformed]) -> None:
    with pytest.raises(Malformed) as told:
        parse(text, today=TODAY)
    assert (type(told.value), told.value.place) == (error, place)


def test_ifa_production_date_and_further_elements_are_kept() -> None:
    said = ifa.parse("(9N)110375286414(16D)20260102(8P)04012345678901(Q)10")
    assert (said.made, said.made_text) == (date(2026, 1, 2), "20260102")
    assert said.others == {"8P": "04012345678901", "Q": "10"}
    with pytest.raises(Malformed, match="a data identifier in brackets"):
        ifa.parse("(X)1")


def test_a_ppn_of_a_manufacturers_own_number_may_hold_points_and_hyphens() -> None:
    body = "1312345A-1.20"
    assert parse("9N" + body + ifa.check_digits(body)).di == body + ifa.check_digits(body)


def test_check_characters_of_what_is_no_text_of_the_agency() -> None:
    with pytest.raises(Malformed, match="character 2: expected a digit, capital letter"):
        checks.mod43("+a")
    with pytest.raises(Malformed, match="at most 23 characters"):
        checks.gmn("1" * 24)
    with pytest.raises(Malformed, match="six digits YYMMDD"):
        dates.yymmdd("28020", "(17)", 2026)


def test_an_ifa_code_without_ppn_names_no_device() -> None:
    with pytest.raises(Malformed, match="a PPN after its identifier 9N"):
        ifa.parse(f"[)>{RS}06{GS}SABC{RS}{EOT}")


@pytest.mark.parametrize(
    ("text", "agency", "check"),
    [
        ("1987654Ad4X4bL5ttr2310c2K", "GS1", "2K"),
        ("++A999MODELIDENTIFIER11S8", "HIBCC", "S8"),
        ("B-AF-MF-000000245AT", "EUDAMED", "AT"),
        ("D-AF-MF-000000245AT", "EUDAMED", "AT"),
        ("D-B-AF-MF-000000245AT", "EUDAMED", "AT"),
        ("B-05060912340019", "EUDAMED", "9"),
        ("PP12345ABCD.12345678.9004", "IFA", "04"),
        ("A9990ABC123T048008", "ICCBBA", "08"),
    ],
)
def test_basic_udi_dis(text: str, agency: str, check: str) -> None:
    said = basic_udi.parse(text)
    assert (said.agency, said.check, said.body + said.check) == (agency, check, text)


@pytest.mark.parametrize(
    ("text", "place", "error"),
    [
        ("B-AF-MF-000000245AU", "character 18", WrongCheck),
        ("D-B-AF-MF-000000245AU", "character 20", WrongCheck),
        ("B-05060912340018", "character 16", WrongCheck),
        ("B-AT", "length", Malformed),
        ("B-" + "A" * 22 + "22", "length", Malformed),
        ("B-A B22", "character 4", Malformed),
        ("PP12345ABCD.12345678.9005", "character 24", WrongCheck),
        ("PP1234AABC12", "character 3", Malformed),
        ("PP12345" + "A" * 17 + "12", "character 3", Malformed),
        ("PP12345ABC1X", "character 12", Malformed),
        ("A9990ABC123T048009", "character 17", WrongCheck),
        ("A9990ABC123T0480", "length", Malformed),
        ("++9999MODEL22", "character 3", Malformed),
        ("++A999" + "A" * 18 + "22", "length", Malformed),
        ("1234A6AB", "character 5", Malformed),
        ("12345A\u00e4AB", "character 7", Malformed),
        ("x" * (MAX_CHARS + 1), "length", Malformed),
    ],
)
def test_basic_udi_di_refusals_say_where(text: str, place: str, error: type[Malformed]) -> None:
    with pytest.raises(Malformed) as told:
        basic_udi.parse(text)
    assert (type(told.value), told.value.place) == (error, place)


@pytest.mark.parametrize(
    "body", ["PP00001" + "A" * 16, "Z9990ABC123T0480", "++A999M", "12345M", "B-M", "D-B-M", "D-M"]
)
def test_a_basic_udi_di_is_made_with_its_check_characters(body: str) -> None:
    made = basic_udi.with_check(body)
    assert (basic_udi.parse(made).text, made[:-2]) == (made, body)


def test_a_eudamed_di_is_made_with_its_check_characters() -> None:
    assert basic_udi.with_check("B-AF-MF-000000245") == "B-AF-MF-000000245AT"
    assert len(basic_udi.with_check("B-" + "A" * 21)) == 25


GOOD = [
    hibc("+A123BJC5D6E71/$$52001510X3"),
    hibc("+A999ABC0/$$9001233280228LOT1/16D20260102/SX1/Q5"),
    "=+03000=/A9999XYZ100T0944=,000025=>014032",
    f"[)>{RS}06{GS}9N110375286414{GS}1T12345ABCD{GS}D280200{GS}S1234567890{RS}{EOT}",
    "B-AF-MF-000000245AT",
    "++A999MODELIDENTIFIER11S8",
    "1987654Ad4X4bL5ttr2310c2K",
    "A9990ABC123T048008",
    "PP12345ABCD.12345678.9004",
]


@st.composite
def mutated(draw: Any) -> str:
    text = list(draw(st.sampled_from(GOOD)))
    for _ in range(draw(st.integers(1, 5))):
        i = draw(st.integers(0, max(0, len(text) - 1)))
        j = draw(st.integers(i, len(text)))
        match draw(st.sampled_from(["drop", "double", "turn", "retype", "mend"])):
            case "drop":
                del text[i:j]
            case "double":
                text[i:i] = text[i:j]
            case "turn":
                text[i:j] = reversed(text[i:j])
            case "retype":
                text[i:j] = draw(st.text(max_size=4) | st.text(checks.HIBC, max_size=4))
            case _:  # a right check character, so that the readers behind the check are reached
                body = "".join(c for c in text if c in checks.HIBC)
                text = list(body + checks.mod43(body))
    return "".join(text)


@settings(max_examples=300, deadline=None)
@given(mutated())
def test_a_mutated_text_is_read_or_refused(text: str) -> None:
    for read in (parse, hibcc.parse, hibcc.check, iccbba.parse, ifa.parse, basic_udi.parse):
        try:
            assert read(text)  # type: ignore[operator]
        except UdiError as told:
            assert str(told)
