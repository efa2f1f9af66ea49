"""UDIs of the three agencies and the Basic UDI-DI: read, checked, written, refused with the place."""

from datetime import date
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vouchsafe.udi import basic_udi, checks, dates, gs1, hibcc, iccbba
from vouchsafe.udi.errors import Malformed, UdiError, WrongCheck
from vouchsafe.udi.limits import MAX_CHARS
from vouchsafe.udi.parse import parse

GS = "\x1d"
DI = "05060912340019"


def imdrf() -> dict[str, Any]:
    from vouchsafe.regulations import packs

    return dict(packs.pack("imdrf")["udi"])


def test_every_vector_of_the_imdrf_pack() -> None:
    pack = imdrf()
    for v in pack["gs1"]["check_digit"]["vectors"]:
        assert checks.mod10(str(v["body"])) == str(v["check_digit"])
    for v in pack["gs1"]["check_digit"]["negative_vectors"]:
        with pytest.raises(WrongCheck):
            gs1.parse(str(v["value"]))
    for v in pack["gs1"]["parse_vectors"]:
        for form in ("hri", "element_string"):
            said = gs1.parse(v[form], today=date(2016, 1, 1))
            assert said.di == v["parsed"]["gtin"]
            assert said.made is not None
            assert said.expires is not None
            assert (said.made.isoformat(), said.expires.isoformat()) == (
                v["parsed"]["production_date"],
                v["parsed"]["expiration_date"],
            )
            assert (said.lot, said.serial) == (v["parsed"]["lot"], v["parsed"]["serial"])
    for v in pack["hibcc"]["check"]["vectors"]:
        assert checks.mod43(v["body"]) == v["check_character"]
        assert v["body"] + v["check_character"] == v["full"]
    for v in pack["hibcc"]["check"]["negative_vectors"]:
        with pytest.raises(WrongCheck):
            hibcc.parse(v["value"])
    v = pack["hibcc"]["basic_udi_di"]["vector"]
    assert basic_udi.parse(v["full"]) == basic_udi.BasicUdi("HIBCC", v["full"], v["body"], v["pair"])
    for v in pack["gs1_basic_udi_di_gmn"]["vectors"]:
        assert basic_udi.with_check(v["body"]) == v["full"]
        assert basic_udi.parse(v["full"]).check == v["pair"]
    for text in pack["gs1_basic_udi_di_gmn"]["negative_vectors"]:
        with pytest.raises(WrongCheck):
            basic_udi.parse(text)
    v = pack["iccbba"]["example"]
    said = iccbba.parse(v["hri"])
    assert said.as_json() == {
        "agency": "ICCBBA",
        "di": v["parsed"]["di"],
        "lot": v["parsed"]["mpho_lot"],
        "serial": v["parsed"]["serial"],
        "made": v["parsed"]["manufactured"],
        "made_text": "013032",
        "expires": v["parsed"]["expiration"],
        "expires_text": "014032",
        "others": {"donation": v["parsed"]["donation_id"]},
    }


@pytest.mark.parametrize(
    "text",
    [
        f"(01){DI}(21)T4-0311-88207",
        f"(01) {DI} (21) T4-0311-88207 ",
        f"01{DI}21T4-0311-88207",
        f"]d201{DI}21T4-0311-88207",
        f"]C1{GS}01{DI}21T4-0311-88207{GS}",
        f"21T4-0311-88207{GS}01{DI}",
        f"21T4-0311-88207<GS>01{DI}",
        f"https://id.gs1.org/01/{DI}/21/T4-0311-88207",
        "https://example.org/some/path/01/5060912340019/21/T4%2D0311-88207?linkType=all",
        f"HTTPS://EXAMPLE.ORG/01/{DI}/21/T4-0311-88207",
    ],
)
def test_every_form_of_one_device(text: str) -> None:
    said = parse(text)
    assert (said.agency, said.di, said.serial) == ("GS1", DI, "T4-0311-88207")


@pytest.mark.parametrize(
    ("text", "di"), [("05060912340019", DI), ("5060912340019", DI), ("40170725", "00000040170725")]
)
def test_a_bare_gtin_is_padded(text: str, di: str) -> None:
    assert parse(text).di == di


def test_a_lot_may_hold_signs_and_even_brackets() -> None:
    said = gs1.parse(f"(01){DI}(10)A/1-(2)b+(21)9")
    assert (said.lot, said.serial) == ("A/1-(2)b+", "9")


def test_other_elements_are_kept_with_their_titles() -> None:
    said = gs1.parse(f"01{DI}8012v4.2.1{GS}240REF-7{GS}3103001234")
    assert (said.software, dict(said.others)) == ("v4.2.1", {"240": "REF-7", "3103": "001234"})
    assert gs1.others_of(said) == {"240 ADDITIONAL ID": "REF-7", "3103 NET WEIGHT (kg)": "001234"}


@pytest.mark.parametrize(
    ("two", "now", "full"),
    [
        (26, 2026, 2026),
        (76, 2026, 2076),
        (77, 2026, 1977),
        (99, 2026, 1999),
        (0, 2026, 2000),
        (0, 2060, 2100),
        (10, 2060, 2110),
        (11, 2060, 2011),
        (49, 2099, 2149),
        (50, 2099, 2050),
    ],
)
def test_the_century_of_two_digits(two: int, now: int, full: int) -> None:
    # 51 to 99 ahead is the last century, 50 to 99 behind the next.
    assert dates.full_year(two, now) == full


def test_day_00_is_the_last_of_the_month() -> None:
    said = gs1.parse(f"01{DI}1728020011261130", today=date(2026, 11, 22))
    assert (said.expires, said.made) == (date(2028, 2, 29), date(2026, 11, 30))


@pytest.mark.parametrize(
    ("text", "place", "expected"),
    [
        ("", "character 1", "a UDI"),
        ("(21)X", "(01)", "a GTIN"),
        (f"(01){DI}(10)", "(10)", "1 to 20 characters of GS1's set 82"),
        (f"(01){DI}(10){'A' * 21}", "(10)", "at most 20 characters"),
        (f"(01){DI}(10)A B", "(10) character 2", "characters of GS1's set 82"),
        ("(01)0506091234001X", "(01) character 14", "digits"),
        ("(01)0506091234", "(01)", "14 digits"),
        ("010506091", "(01)", "14 characters"),
        (f"01{DI}99", "(99)", "1 to 90 characters of GS1's set 82"),
        (f"01{DI}88X", "character 17", "a GS1 Application Identifier"),
        (f"01{DI}17261301", "(17) character 3", "a month from 01 to 12"),
        (f"01{DI}17260230", "(17) character 5", "a day from 00 to 28"),
        (f"01{DI}7006260200", "(7006) character 5", "a day from 01"),
        (f"(01){DI}(01)05060912340026", "(01)", "one value"),
        (f"https://e.org/01/{DI}/21", "character 14", "a primary key such as /01/ and its value"),
        ("https://e.org/x", "character 14", "a primary key such as /01/ and its value"),
        (f"https://e.org/01/{DI}/zz/1", "character 33", "a qualifier of (01), in its order"),
        ("http://[", "character 8", "a host"),
        ("hello", "character 1", "a GS1 Application Identifier"),
        ("++A999MODEL", "character 1", "a UDI-DI of a device"),
        ("+A", "length", "at least 4 characters"),
        ("x" * (MAX_CHARS + 1), "length", f"at most {MAX_CHARS} characters"),
        ("=/A9999XYZ100T094", "character 3", "16 capital letters or digits after =/"),
        ("=,000025", "character 1", "a device identifier (=/ or =))"),
        ("=/A9999XYZ100T0944=>014367", "character 21", "a day of the year from 001 to 365"),
        ("=/A9999XYZ100T0944=,000025=,000025", "character 27", "each element once, but =,"),
        ("=/A9999XYZ100T0944!", "character 19", "an ISBT 128 data identifier"),
    ],
)
def test_refusals_say_where(text: str, place: str, expected: str) -> None:
    with pytest.raises(Malformed) as told:
        parse(text, today=date(2026, 11, 22))
    assert (told.value.place, told.value.expected) == (place, expected)


def test_the_longest_text_is_looked_at() -> None:
    with pytest.raises(Malformed) as told:
        parse("x" * MAX_CHARS)
    assert told.value.place != "length"


def test_what_is_written_is_read_again() -> None:
    made, expires = date(2026, 11, 22), date(2031, 11, 30)
    parts = {"lot": "L/1", "serial": "T4", "made": made, "expires": expires, "software": "4.2.1"}
    text = gs1.element_string(DI, **parts)  # type: ignore[arg-type]
    assert text == f"01{DI}112611221731113010L/1{GS}21T4{GS}80124.2.1"
    for form in (text, gs1.human_readable(DI, **parts)):  # type: ignore[arg-type]
        said = gs1.parse(form, today=date(2026, 11, 22))
        assert (said.lot, said.serial, said.made, said.expires, said.software) == (
            "L/1",
            "T4",
            made,
            expires,
            "4.2.1",
        )
    assert (
        gs1.digital_link("5060912340019", lot="L/1", serial="T4")
        == f"https://id.gs1.org/01/{DI}/10/L%2F1/21/T4"
    )


@pytest.mark.parametrize(("di", "serial"), [("05060912340018", ""), ("1", ""), (DI, "a" * 21), (DI, "é")])
def test_what_cannot_be_read_is_not_written(di: str, serial: str) -> None:
    with pytest.raises(Malformed):
        gs1.element_string(di, serial=serial)


SET82 = st.text(checks.CSET82, min_size=1, max_size=20)


@given(body=st.text("0123456789", min_size=13, max_size=13), lot=SET82, serial=SET82)
def test_element_strings_round_trip(body: str, lot: str, serial: str) -> None:
    di = body + checks.mod10(body)
    said = gs1.parse(gs1.element_string(di, lot=lot, serial=serial))
    assert (said.di, said.lot, said.serial) == (di, lot, serial)
    linked = gs1.parse(gs1.digital_link(di, lot=lot, serial=serial))
    assert (linked.di, linked.lot, linked.serial) == (di, lot, serial)


@given(
    st.text(max_size=80)
    | st.text("0123456789()=+/$,&<>}SAB" + GS, max_size=60)
    | st.text(max_size=30).map(f"(01){DI}(10)".__add__)
    | st.text(max_size=30).map(f"https://e.org/01/{DI}/".__add__)
)
def test_any_text_is_read_or_refused(text: str) -> None:
    for read in (parse, basic_udi.parse, gs1.parse, hibcc.parse, iccbba.parse):
        try:
            read(text)
        except UdiError as told:
            assert str(told)


def test_the_companys_own_identifiers_hold() -> None:
    assert gs1.parse(DI).di == DI
    assert basic_udi.parse("506091234TARN479").agency == "GS1"
