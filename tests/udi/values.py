"""Right values of every GS1 Application Identifier, for hypothesis: built from the table, not from the readers."""

from hypothesis import strategies as st

from vouchsafe.udi import ais, checks, codes

SETS = {
    "N": "0123456789",
    "X": checks.CSET82,
    "Y": "#-/0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "Z": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=",
}
Text = st.SearchStrategy[str]


def number(least: int, most: int, width: int) -> Text:
    return st.integers(least, most).map(lambda n: str(n).zfill(width))


def day(width: int, *, zero: bool) -> Text:
    year = number(0, 99, 2) if width == 6 else number(1900, 2099, 4)
    return st.tuples(year, number(1, 12, 2), number(0 if zero else 1, 28, 2)).map("".join)


def iban(rest: str) -> str:
    value = int("".join(str(int(c, 36)) for c in rest + "GB")) * 100
    return f"GB{98 - value % 97:02}{rest}"


def model(rest: str) -> str:
    body = "50609a" + rest
    return body + checks.gmn(body)


SPECIAL: dict[str, Text] = {
    "csumalpha": st.text(SETS["X"], max_size=17).map(model),
    "yymmd0": day(6, zero=True),
    "yymmdd": day(6, zero=False),
    "yyyymmdd": day(8, zero=False),
    "hh": number(0, 23, 2),
    "mi": number(0, 59, 2),
    "ss": number(0, 59, 2),
    "hhmi": st.tuples(number(0, 23, 2), number(0, 59, 2)).map("".join),
    "iso3166": st.sampled_from(sorted(codes.COUNTRIES)),
    "iso3166999": st.sampled_from(sorted(codes.COUNTRIES | {"999"})),
    "iso3166alpha2": st.sampled_from(sorted(codes.COUNTRIES_ALPHA2)),
    "iso4217": st.sampled_from(sorted(codes.CURRENCIES)),
    "iso5218": st.sampled_from("0129"),
    "packagetype": st.sampled_from(sorted(codes.PACKAGE_TYPES)),
    "mediatype": number(1, 10, 2),
    "importeridx": st.sampled_from("-_09AZaz"),
    "hyphen": st.just("-"),
    "winding": st.sampled_from("019"),
    "yesno": st.sampled_from("01"),
    "zero": st.just("0"),
    "latitude": number(0, 1_800_000_000, 10),
    "longitude": number(0, 3_600_000_000, 10),
    "iban": st.text("0123456789ABCXYZ", min_size=10, max_size=30).map(iban),
    "pcenc": st.lists(st.sampled_from([*SETS["X"].replace("%", ""), "%41"]), min_size=1, max_size=11).map(
        "".join
    ),
    "posinseqslash": st.integers(1, 9).flatmap(lambda n: st.integers(1, n).map(lambda p: f"{p}/{n}")),
    "pieceoftotal": st.integers(1, 99).flatmap(lambda n: number(1, n, 2).map(lambda p: f"{p}{n:02}")),
    "couponcode": st.just("012345612345611110123"),
    "couponposoffer": st.just("001234561234560123456"),
}


def piece(part: ais.Part) -> Text:
    """A right value of one part."""
    for name in part.checks:
        if name in SPECIAL:
            return SPECIAL[name]
    letters = SETS[part.kind]
    if "csum" in part.checks:
        body = st.text(letters, min_size=part.most - 1, max_size=part.most - 1)
        return body.map(lambda text: text + checks.mod10(text))
    if "gcppos1" in part.checks:
        return st.tuples(number(0, 9999, 4), st.text(letters, max_size=part.most - 4)).map("".join)
    if part.kind == "Z":
        text = st.text(letters.replace("=", ""), min_size=part.least, max_size=part.most)
        return st.one_of(text, text.map(lambda t: t + "=" * (-len(t) % 3)))
    text = st.text(letters, min_size=part.least, max_size=part.most)
    if "nonzero" in part.checks:
        return text.filter(lambda t: bool(t.strip("0")))
    return text.filter(lambda t: not t.startswith("0")) if "nozeroprefix" in part.checks else text


def value(identifier: ais.Identifier) -> Text:
    """A right value of one identifier, with some or none of its optional parts."""
    needed = [p for p in identifier.parts if not p.optional]
    optional = [p for p in identifier.parts if p.optional]
    return st.integers(0, len(optional)).flatmap(
        lambda n: st.tuples(*(piece(p) for p in (*needed, *optional[:n]))).map("".join)
    )
