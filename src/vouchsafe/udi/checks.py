"""Check digits and characters: GS1 mod 10, HIBCC mod 43, ICCBBA mod 37-2, and the two of a GMN."""

from vouchsafe.udi.errors import Malformed, WrongCheck, shown

HIBC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ-. $/+%"
CSET82 = "!\"%&'()*+,-./0123456789:;<=>?ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
CSET32 = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ"
_PRIMES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67, 71, 73, 79, 83)


def mod10(body: str) -> str:
    """The GS1 check digit of the digits before it. Weights 3, 1, 3, … from the right.

    >>> mod10("0506091234001")
    '9'
    """
    total = sum(int(digit) * (3 if i % 2 == 0 else 1) for i, digit in enumerate(reversed(body)))
    return str(-total % 10)


def require_mod10(number: str, place: str) -> None:
    """Refuses a number whose last digit is not the check digit of the others.

    Raises:
        WrongCheck: it isn't.
    """
    wanted = mod10(number[:-1])
    if number[-1] != wanted:
        raise WrongCheck(place, f"the check digit {wanted}", shown(number[-1]))


def mod43(body: str) -> str:
    """The HIBC check character of everything before it, flag and separators included (ANSI/HIBC 2.6)."""
    total = 0
    for i, character in enumerate(body):
        value = HIBC.find(character)
        if value < 0:
            raise Malformed(
                f"character {i + 1}", "a digit, capital letter or one of -. $/+%", shown(character)
            )
        total += value
    return HIBC[total % 43]


def mod37_2(body: str) -> str:
    """ICCBBA's two check digits of digits and capital letters: ISO/IEC 7064 mod 37-2, as a number (ST-001 appendix A).

    >>> mod37_2("G123498654321")
    '17'
    """
    total = sum(int(character, 36) * 2 ** (i + 1) for i, character in enumerate(reversed(body)))
    return f"{(38 - total % 37) % 37:02}"


def gmn(body: str) -> str:
    """The two check characters of a Basic UDI-DI without them: primes from the right, mod 1021, base 32.

    Also for HIBCC's Basic UDI-DI, over the text with its flag `++`. Source: GS1 General Specifications 7.9.5.

    >>> gmn("1987654Ad4X4bL5ttr2310c")
    '2K'
    """
    if len(body) > len(_PRIMES):
        raise Malformed(
            "length", f"at most {len(_PRIMES)} characters before the check characters", str(len(body))
        )
    total = 0
    for i, character in enumerate(body):
        value = CSET82.find(character)
        if value < 0:
            raise Malformed(f"character {i + 1}", "a character of GS1's set 82", shown(character))
        total += value * _PRIMES[len(body) - 1 - i]
    total %= 1021
    return CSET32[total >> 5] + CSET32[total & 31]
