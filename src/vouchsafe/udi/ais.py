"""GS1 Application Identifiers: which there are, how long their data is, whether a separator must follow.

Facts of the GS1 General Specifications (release 25), written here in short form. A format is a list of parts:
`N6` six digits, `X..20` up to twenty characters of set 82, `[N4]` may be absent; a trailing `c` asks for a
check digit (mod 10), `d` for a date YYMMDD that may have day 00, `D` for one that may not, `g` for the check
characters of a GMN.
"""

import re
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an element's data. `kind` is N, X, Y (set 39) or Z (base64url)."""

    kind: str
    least: int
    most: int
    optional: bool
    check: str


@dataclass(frozen=True, slots=True)
class Identifier:
    """One Application Identifier. `predefined`: its length is fixed, so that no separator is needed."""

    ai: str
    title: str
    predefined: bool
    parts: tuple[Part, ...]


# Element strings that begin so have a fixed total length (General Specifications 7.8.5-2); all others need
# FNC1.
_PREDEFINED = frozenset(
    [
        "00",
        "01",
        "02",
        "03",
        "04",
        "11",
        "12",
        "13",
        "14",
        "15",
        "16",
        "17",
        "18",
        "19",
        "20",
        "31",
        "32",
        "33",
        "34",
        "35",
        "36",
        "41",
    ]
)

_TABLE = """
00 N18c SSCC|01 N14c GTIN|02 N14c CONTENT|03 N14c MTO GTIN|10 X..20 BATCH/LOT|11 N6d PROD DATE
12 N6d DUE DATE|13 N6d PACK DATE|15 N6d BEST BEFORE|16 N6d SELL BY|17 N6d USE BY OR EXPIRY|20 N2 VARIANT
21 X..20 SERIAL|22 X..20 CPV|235 X..28 TPX|240 X..30 ADDITIONAL ID|241 X..30 CUST. PART NO.
242 N..6 MTO VARIANT|243 X..20 PCN|250 X..30 SECONDARY SERIAL|251 X..30 REF. TO SOURCE|253 N13c[X..17] GDTI
254 X..20 GLN EXTENSION|255 N13c[N..12] GCN|30 N..8 VAR. COUNT|37 N..8 COUNT|3900-3909 N..15 AMOUNT
3910-3919 N3N..15 AMOUNT|3920-3929 N..15 PRICE|3930-3939 N3N..15 PRICE|3940-3943 N4 PRCNT OFF
3950-3955 N6 PRICE/UOM|400 X..30 ORDER NUMBER|401 X..30 GINC|402 N17c GSIN|403 X..30 ROUTE
410-417 N13c LOCATION|420 X..20 SHIP TO POST|421 N3X..9 SHIP TO POST|422 N3 ORIGIN
423 N3[N3][N3][N3][N3] COUNTRIES|424 N3 COUNTRY - PROCESS|425 N3[N3][N3][N3][N3] COUNTRIES
426 N3 COUNTRY - FULL PROCESS|427 X..3 ORIGIN SUBDIVISION|4300-4301 X..35 SHIP TO|4302-4306 X..70 SHIP TO
4307 X2 SHIP TO COUNTRY|4308 X..30 SHIP TO PHONE|4309 N10N10 SHIP TO GEO|4310-4311 X..35 RTN TO
4312-4316 X..70 RTN TO|4317 X2 RTN TO COUNTRY|4318 X..20 RTN TO POST|4319 X..30 RTN TO PHONE
4320 X..35 SRV DESCRIPTION|4321-4323 N1 YES OR NO|4324-4325 N6dN4 DELIVERY TIME|4326 N6D REL DATE
4330-4333 N6[X1] TEMPERATURE|7001 N13 NSN|7002 X..30 MEAT CUT|7003 N6DN4 EXPIRY TIME
7004 N..4 ACTIVE POTENCY|7005 X..12 CATCH AREA|7006 N6D FIRST FREEZE DATE|7007 N6D[N6D] HARVEST DATE
7008 X..3 AQUATIC SPECIES|7009 X..10 FISHING GEAR|7010 X..2 PROD METHOD|7011 N6D[N4] TEST BY DATE
7020 X..20 REFURB LOT|7021 X..20 FUNC STAT|7022 X..20 REV STAT|7023 X..30 GIAI - ASSEMBLY
7030-7039 N3X..27 PROCESSOR|7040 N1X1X1X1 UIC+EXT|7041 X..4 UFRGT UNIT TYPE|710-717 X..20 NHRN
7230-7239 X2X..28 CERTIFICATE|7240 X..20 PROTOCOL|7241 N2 AIDC MEDIA TYPE|7242 X..25 VCN|7250 N8 DOB
7251 N8N4 DOB TIME|7252 N1 BIO SEX|7253-7254 X..40 NAME|7255 X..10 SUFFIX|7256 X..90 FULL NAME
7257 X..70 PERSON ADDR|7258 X3 BIRTH SEQUENCE|7259 X..40 BABY|8001 N4N5N3N1N1 DIMENSIONS|8002 X..20 CMT NO.
8003 N1N13c[X..16] GRAI|8004 X..30 GIAI|8005 N6 PRICE PER UNIT|8006 N14cN4 ITIP|8007 X..34 IBAN
8008 N6DN2[N2][N2] PROD TIME|8009 X..50 OPTSEN|8010 Y..30 CPID|8011 N..12 CPID SERIAL|8012 X..20 VERSION
8013 X..25g GMN|8014 X..25g MUDI|8017-8018 N18c GSRN|8019 N..10 SRIN|8020 X..25 REF NO.
8026 N14cN4 ITIP CONTENT|8030 Z..90 DIGSIG|8040-8041 N15 IMEI|8042 N32 ESIM|8043 N18[N..2] PSIM
8110 X..70 COUPON|8111 N4 POINTS|8112 X..70 COUPON|8200 X..70 PRODUCT URL|90 X..30 INTERNAL
91-99 X..90 INTERNAL
"""
_MEASURES = (*range(310, 317), *range(320, 338), *range(340, 358), *range(360, 370))
_PART = re.compile(r"(\[)?([NXYZ])(\.\.)?(\d+)([cdDg])?(\])?")


def _parts(text: str) -> tuple[Part, ...]:
    found = []
    for open_, kind, dots, length, check, _ in _PART.findall(text):
        found.append(Part(kind, 1 if dots else int(length), int(length), bool(open_), check))
    return tuple(found)


@cache
def table() -> dict[str, Identifier]:
    """Every Application Identifier by its digits."""
    found: dict[str, Identifier] = {}

    def add(ai: str, form: str, title: str) -> None:
        found[ai] = Identifier(ai, title, ai[:2] in _PREDEFINED, _parts(form))

    for entry in _TABLE.replace("\n", "|").split("|"):
        if not entry.strip():
            continue
        ais, form, title = entry.split(" ", 2)
        first, _, last = ais.partition("-")
        for number in range(int(first), int(last or first) + 1):
            add(str(number).zfill(len(first)), form, title)
    for measure in _MEASURES:  # the fourth digit says where the decimal point stands
        for digit in range(6):
            add(f"{measure}{digit}", "N6", "MEASURE")
    return found
