"""The two coupon codes that GS1 elements can hold: (8110), North America, and (8112), positive offer files.

No device bears one. They are walked all the same, so that a text with such an element is refused where it is wrong.
Source: GS1 US, North American Coupon Application Guideline.
"""

import calendar

Fault = tuple[int, str] | None
"""The index of the first wrong character, and what was expected there."""


class _Walk:
    """Digits taken one field after the other. The first fault stays."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        wrong = next((i for i, character in enumerate(text) if character not in "0123456789"), None)
        self.fault: Fault = None if wrong is None else (wrong, "digits")

    def digits(self, count: int, name: str) -> str:
        taken = self.text[self.at : self.at + count]
        if self.fault is None and len(taken) < count:
            self.fault = (self.at, f"{name} of {count} digits")
        self.at += len(taken)
        return taken

    def one(self, allowed: str, name: str) -> str:
        taken = self.text[self.at : self.at + 1]
        if self.fault is None and (not taken or taken not in allowed):
            self.fault = (self.at, f"{name}: one of {', '.join(allowed)}")
        self.at += len(taken)
        return taken

    def measured(self, allowed: str, plus: int, name: str) -> None:
        """A digit that says how long the field is, less `plus`, and the field."""
        length = self.one(allowed, f"the length of {name}")
        if self.fault is None:
            self.digits(int(length) + plus, name)

    def option(self, digit: str) -> bool:
        if self.fault is None and self.text[self.at : self.at + 1] == digit:
            self.at += 1
            return True
        return False

    def day(self, name: str) -> str:
        start = self.at
        text = self.digits(6, name)
        if self.fault is None:
            month, day = int(text[2:4]), int(text[4:])
            if not (1 <= month <= 12 and 1 <= day <= calendar.monthrange(2000 + int(text[:2]), month)[1]):
                self.fault = (start, f"{name} as YYMMDD")
        return text

    def end(self) -> Fault:
        if self.fault is None and self.at < len(self.text):
            self.fault = (self.at, "the end of the coupon")
        return self.fault


def code(text: str) -> Fault:
    """Walks the data of (8110)."""
    walk = _Walk(text)
    walk.measured("0123456", 6, "the funder's company prefix")
    walk.digits(6, "an offer code")
    walk.measured("12345", 0, "the save value")
    _purchase(walk, "first")
    if walk.option("1"):
        walk.one("0123", "the rule for further purchases")
        _purchase(walk, "second")
        _other_prefix(walk, "second")
    if walk.option("2"):
        _purchase(walk, "third")
        _other_prefix(walk, "third")
    ends = walk.day("the last day") if walk.option("3") else ""
    at = walk.at + 1
    starts = walk.day("the first day") if walk.option("4") else ""
    if walk.fault is None and ends and starts > ends:
        walk.fault = (at, "a first day before the last")
    if walk.option("5"):
        walk.measured("0123456789", 6, "the serial number")
    if walk.option("6"):
        walk.measured("1234567", 6, "the retailer's prefix")
    if walk.option("9"):
        for allowed, name in (
            ("01256", "save value code"),
            ("012", "item"),
            ("0123456789", "store"),
            ("01", "multiply"),
        ):
            walk.one(allowed, f"the flag “{name}”")
    return walk.end()


def offer(text: str) -> Fault:
    """Walks the data of (8112)."""
    walk = _Walk(text)
    walk.one("01", "the format")
    walk.measured("0123456", 6, "the funder's company prefix")
    walk.digits(6, "an offer code")
    walk.measured("0123456789", 6, "the serial number")
    return walk.end()


def _purchase(walk: _Walk, which: str) -> None:
    walk.measured("12345", 0, f"the {which} purchase requirement")
    walk.one("012349", f"the {which} purchase requirement's code")
    walk.digits(3, f"the {which} purchase family code")


def _other_prefix(walk: _Walk, which: str) -> None:
    if not walk.option("9"):  # 9: the first purchase's own prefix
        walk.measured("0123456", 6, f"the {which} purchase's company prefix")
