"""UDIs: any text is read or refused; what was read is written again in each form and read as the same."""

from collections.abc import Callable
from datetime import date

from vouchsafe.udi import basic_udi, checks, gs1, hibcc, iccbba, ifa, parse
from vouchsafe.udi.errors import Malformed, UdiError
from vouchsafe.udi.limits import MAX_CHARS

TODAY = date(2026, 11, 22)


def any_udi(data: bytes) -> None:
    """The door for texts of any agency."""
    try:
        udi = parse.parse(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    assert udi.di
    assert udi.agency in ("GS1", "HIBCC", "ICCBBA", "IFA")


def gs1_text(data: bytes) -> None:
    """GS1's forms: what was read is written and read again, the same."""
    try:
        found = gs1.elements(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    for form in ("element", "human", "link"):
        try:
            text = gs1.format(found, form, today=TODAY)
        except Malformed:  # not every set of elements has a place in an address
            assert form == "link"
            continue
        if len(text) <= MAX_CHARS:  # escapes make a text longer
            assert gs1.elements(text, today=TODAY) == found


def hibc_text(data: bytes) -> None:
    """One HIBC symbol: what `parse` reads, `check` finds right. Also with a right check character, to get behind it."""
    text = data.decode("utf-8", "replace")
    _hibc_symbol(text)
    try:
        whole = text + checks.mod43(text)
    except UdiError:
        return
    _hibc_symbol(whole)
    try:
        hibcc.parse("+A999ABC0P", whole, today=TODAY)
    except UdiError:
        return


def _hibc_symbol(text: str) -> None:
    try:
        found = hibcc.check(text)
        udi = hibcc.parse(text, today=TODAY)
    except UdiError:
        return
    assert udi.check == found


def iccbba_text(data: bytes) -> None:
    """ISBT 128 elements."""
    try:
        assert len(iccbba.parse(data.decode("utf-8", "replace")).di) in (10, 16)
    except UdiError:
        return


def ifa_text(data: bytes) -> None:
    """A PPN code."""
    try:
        udi = ifa.parse(data.decode("utf-8", "replace"), today=TODAY)
    except UdiError:
        return
    assert ifa.check_digits(udi.di[:-2]) == udi.check


def basic_text(data: bytes) -> None:
    """A Basic UDI-DI: its pair is the one that would be made; and what is made of any body is one."""
    text = data.decode("utf-8", "replace")
    try:
        udi = basic_udi.parse(text)
        assert udi.body + udi.check == udi.text
    except UdiError:
        pass
    try:
        made = basic_udi.with_check(text)
    except UdiError:
        return
    assert basic_udi.parse(made).text == made


TARGETS: dict[str, Callable[[bytes], None]] = {
    "udi": any_udi,
    "udi-gs1": gs1_text,
    "udi-hibcc": hibc_text,
    "udi-iccbba": iccbba_text,
    "udi-ifa": ifa_text,
    "udi-basic": basic_text,
}

_GTIN = "05060912340019"
_FOUND = {"01": _GTIN, "17": "280200", "10": "A/1(2", "21": "T4-0311-88207", "8012": "4.2", "8030": "QU="}
_LINKED = {"01": _GTIN, "22": "2A", "10": "A/1", "21": "T4", "17": "280229", "99": "A%B"}
_OTHERS = [
    {"00": "006141411234567890", "4309": "09000000001800000000", "4300": "A%41", "4324": "2612012359"},
    {"8006": _GTIN + "0102", "7003": "2612012359", "423": "826276", "3103": "000195", "3912": "978150"},
    {"8013": "1987654Ad4X4bL5ttr2310c2K", "8110": "012345612345611110123", "8007": "GB82WEST12345698765432"},
    {"8018": "123456789012345675", "7250": "20261130", "7258": "1/3", "7252": "9", "7241": "01"},
]
_GS1 = [gs1.format(_FOUND, form, today=TODAY) for form in ("element", "human")] + [
    *(gs1.format(_LINKED, form, today=TODAY) for form in ("element", "human", "link")),
    *(gs1.format(found, form, today=TODAY) for found in _OTHERS for form in ("element", "human")),
    "]d2" + gs1.format(_LINKED, today=TODAY),
    "]E04012345678901",
    _GTIN,
    gs1.format({"01": _GTIN, "235": "T", "10": "L"}, "link", domain="http://shop.example:8080/a/01")
    + "&x=1#y",
    "https://id.gs1.org/ARFKk4XBoCYgGG",
    f"https://id.gs1.org/gtin/{_GTIN}/lot/1",
]


def _hibc(body: str) -> str:
    return body + checks.mod43(body)


_HIBC_DATA = (
    "",
    "/$LOT1/SX1/16D20260102/14D20280203/Q5",
    "/$+SER1",
    "/$$0228LOT1",
    "/$$2022828LOT1",
    "/$$3280200LOT1",
    "/$$+42802281600",
    "/$$528060L/14D20280229",
    "/$$62806016L",
    "/$$+7SER1",
    "/$$8127LOT1",
    "/$$9001233280228LOT1",
    "/28060LOT1",
)
_HIBC = [_hibc("+A999ABC0" + data) for data in _HIBC_DATA]
_SECOND = _hibc("+" + "$$3280200LOT1" + _HIBC[0][-1])
_ICCBBA = [
    "=/A9999XYZ100T0944=,000025=A99991712345600=>014032=}013032&,1" + "0" * 18,
    "=+03000=/A9999XYZ100T0944=,000025=G12349865432177",
    "=)1234567890&)ABCDEFGHIJ&>0260332359&}0260010000&*0260010000",
    "=/A9999XYZ100T0944=*026001=}999001",
]
_IFA = [
    "[)>\x1e06\x1d9N110375286414\x1d1T12345ABCD\x1dD280200\x1dS1234567890\x1e\x04",
    "9N110375286414\x1d16D20260102\x1d8P04012345678901\x1d27Q5\x1dQ10",
    "(9N)110375286414(1T)12345(D)280200(S)1",
    "9N1312345A-1.20" + ifa.check_digits("1312345A-1.20"),
]
_BASIC = [
    "1987654Ad4X4bL5ttr2310c2K",
    "++A999MODELIDENTIFIER11S8",
    "PP12345ABCD.12345678.9004",
    "A9990ABC123T048008",
    "B-AF-MF-000000245AT",
    "D-B-AF-MF-000000245AT",
    "B-05060912340019",
]


def _bytes(texts: list[str]) -> list[bytes]:
    return [text.encode() for text in texts]


SEEDS: dict[str, list[bytes]] = {
    "udi": _bytes(
        [_GS1[0], _GS1[1], _GS1[4], _HIBC[1], f"{_HIBC[0]}\n{_SECOND}", _ICCBBA[0], _IFA[0], _IFA[2]]
    ),
    "udi-gs1": _bytes(_GS1),
    "udi-hibcc": _bytes([*_HIBC, _SECOND]),
    "udi-iccbba": _bytes(_ICCBBA),
    "udi-ifa": _bytes(_IFA),
    "udi-basic": _bytes(_BASIC),
}
