"""`vouchsafe udi`: what it prints, its exit codes, one line of refusal."""

import json
import subprocess
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from vouchsafe.cli.errors import CommandError
from vouchsafe.cli.udi import udi
from vouchsafe.udi.limits import MAX_CHARS

DI = "05060912340019"
TEXT = f"(01){DI}(17)280200(10)A/1(21)T4-0311-88207(240)REF"


def run(*args: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(udi, list(args), input=stdin)


def said(*args: str, stdin: bytes = b"", code: int = 0) -> Any:
    done = run(*args, "--json", stdin=stdin)
    assert done.exit_code == code
    return json.loads(done.stdout)


def refused(*args: str, stdin: bytes = b"", code: int = 2) -> str:
    error = run(*args, stdin=stdin).exception
    assert isinstance(error, CommandError)
    assert error.code == code
    return str(error)


def test_parse_names_every_part() -> None:
    assert said("parse", TEXT, "--today", "2026-11-22") == {
        "agency": "GS1",
        "di": DI,
        "lot": "A/1",
        "serial": "T4-0311-88207",
        "expires": "2028-02-29",
        "expires_text": "280200",
        "check": "9",
        "others": {"240": "REF"},
    }
    shown = run("parse", "-", stdin=TEXT.encode() + b"\n").stdout
    assert "2028-02-29" in shown
    assert "240 ADDITIONAL ID  REF" in shown
    assert said("parse", "+A123BJC5D6E71/$$52001510X3C")["check"] == "C"
    assert said("parse", "(9N)110375286414")["agency"] == "IFA"


def test_parse_takes_a_basic_udi_di_apart_too() -> None:
    assert said("parse", "1987654Ad4X4bL5ttr2310c2K") == {
        "agency": "GS1",
        "basic_udi_di": "1987654Ad4X4bL5ttr2310c2K",
        "body": "1987654Ad4X4bL5ttr2310c",
        "check": "2K",
    }
    assert "check characters   S8" in run("parse", "++A999MODELIDENTIFIER11S8").stdout


@pytest.mark.parametrize(
    ("text", "agency", "kind"),
    [
        (DI, "GS1", "UDI"),
        (f"01{DI}21A", "GS1", "UDI"),
        ("+A123BJC5D6E71G", "HIBCC", "UDI"),
        ("+1234567890", "HIBCC", "UDI"),
        ("+A123BJC5D6E71G\n+$LOTGE", "HIBCC", "UDI"),
        ("=/A9999XYZ100T0944", "ICCBBA", "UDI"),
        ("9N110375286414", "IFA", "UDI"),
        ("1987654Ad4X4bL5ttr2310c2K", "GS1", "Basic UDI-DI"),
        ("++A999MODELIDENTIFIER11S8", "HIBCC", "Basic UDI-DI"),
        ("B-AF-MF-000000245AT", "EUDAMED", "Basic UDI-DI"),
        ("A9990ABC123T048008", "ICCBBA", "Basic UDI-DI"),
        ("PP12345ABCD.12345678.9004", "IFA", "Basic UDI-DI"),
    ],
)
def test_check_of_what_holds_is_0(text: str, agency: str, kind: str) -> None:
    from vouchsafe.udi import checks

    if "\n" in text:
        text = text[:-1] + checks.mod43(text.split("\n")[1][:-1])
    told = said("check", text)
    assert (told["agency"], told["kind"], told["holds"], told["why"]) == (agency, kind, True, None)
    words = "its form holds" if (agency, kind) == ("ICCBBA", "UDI") else f"{agency} {kind}: the check holds"
    assert words in run("check", text).stdout


@pytest.mark.parametrize(
    ("text", "place", "expected", "got"),
    [
        ("05060912340018", "GTIN", "the check digit 9", "“8”"),
        (f"01{DI[:-1]}821A", "(01) character 14", "the check digit 9", "“8”"),
        ("+A999ABC123DE1/$+1234567Y", "character 25", "the check character “Z”", "“Y”"),
        ("1987654Ad4X4bL5ttr2310c2X", "character 24", "the check characters 2K", "“2X”"),
        ("B-AF-MF-000000245AU", "character 18", "the check characters AT", "“AU”"),
        ("9N110375286415", "character 13", "the check digits 14", "“15”"),
    ],
)
def test_check_of_a_wrong_character_is_1_and_says_what_was_expected(
    text: str, place: str, expected: str, got: str
) -> None:
    told = said("check", text, code=1)
    assert (told["holds"], told["place"], told["expected"], told["got"]) == (False, place, expected, got)
    done = run("check", "-", stdin=text.encode())
    assert done.exit_code == 1
    assert done.stderr.count("\n") == 1
    assert f"expected {expected}, got {got}" in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("hello", "UDI: character 1: expected a GS1 Application Identifier"),
        ("", "UDI: character 1: expected a UDI, got nothing"),
        (f"01{DI}17261301", "UDI: (17) character 3: expected a month from 01 to 12"),
        (f"01{DI}88X", "UDI: character 17: expected a GS1 Application Identifier"),
        ("(21)A", "UDI: (01): expected a GTIN"),
        (
            "https://id.gs1.org/ARFKk4XBoCYgGG",
            "UDI: character 20: expected an address that is not compressed",
        ),
        ("PP1234ABC12", "Basic UDI-DI: character 3: expected a manufacturer (5 digits) and a device group"),
        (f"https://id.gs1.org/gtin/{DI}", "UDI: character 20: expected the key in digits, such as /01/"),
        ("x" * (MAX_CHARS + 1), f"UDI: length: expected at most {MAX_CHARS} characters"),
    ],
)
def test_what_is_no_udi_is_2_with_its_place(text: str, told: str) -> None:
    assert refused("check", text).startswith(told)
    assert refused("check", "-", stdin=text.encode()).startswith(told)


def test_a_wrong_check_character_is_1_to_every_command() -> None:
    told = "UDI: (01) character 14: expected the check digit 9"
    assert refused("parse", "(01)05060912340018", code=1).startswith(told)
    assert refused("encode", "--di", "05060912340018", code=1).startswith(told)
    assert refused("parse", "PP99999X.112", code=1).startswith(
        "UDI: character 11: expected the check characters 21"
    )


def test_bytes_that_are_no_text_are_refused() -> None:
    assert refused("parse", "-", stdin=b"(01)\xff") == "byte 4: expected UTF-8 text, got 0xff"


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("human", f"(01){DI}(17)280229(10)A/1(21)T4"),
        ("element", f"01{DI}1728022910A/1\x1d21T4"),
        ("link", f"https://id.gs1.org/01/{DI}/10/A%2F1/21/T4?17=280229"),
    ],
)
def test_encode_writes_what_parse_reads(form: str, expected: str) -> None:
    args = ["--di", DI, "--lot", "A/1", "--serial", "T4", "--expires", "2028-02-29", "--today", "2026-11-22"]
    done = run("encode", *args, "--form", form)
    assert json.loads(run("encode", *args, "--form", form, "--json").stdout) == {
        "form": form,
        "udi": expected,
    }
    assert (done.exit_code, done.stdout) == (0, expected + "\n")
    assert said("parse", "-", "--today", "2026-11-22", stdin=done.stdout.encode())["lot"] == "A/1"


def test_encode_refuses_what_cannot_be_written() -> None:
    told = refused("encode", "--di", DI, "--expires", "2099-01-01", "--today", "2026-11-22")
    assert told.startswith("UDI: (17): expected a day that two digits of a year can say")
    assert run("encode", "--di", DI, "--made", "2026-02-30").exit_code == 2


@pytest.mark.parametrize("command", ["parse", "check", "encode"])
def test_help_has_an_example_and_nothing_of_the_server_is_loaded(command: str) -> None:
    code = (
        "import sys\nfrom vouchsafe.cli.main import main\n"
        "try:\n    main()\nfinally:\n"
        "    print([m for m in sys.modules if m.split('.')[0] in ('django', 'psycopg')], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "udi", command, "--help"], capture_output=True, text=True, check=True
    )
    assert "Example" in done.stdout
    assert done.stderr == "[]\n"
