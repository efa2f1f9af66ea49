"""A person at a browser: signs in, adds a passkey, types into forms and presses buttons, as a user does.

What the browser complains about is collected in `faults`: a page that breaks its content security policy or throws is
wrong even where everything is shown.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from playwright.sync_api import Browser, ConsoleMessage, FilePayload, Locator, Page, Response, expect
from playwright.sync_api import TimeoutError as NotInTime

from tests.e2e.product import Product

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 390, "height": 844}
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}
PATIENCE_MS = 30_000


def paper(name: str, text: str) -> FilePayload:
    """A small file to attach."""
    return {"name": name, "mimeType": "text/plain", "buffer": text.encode()}


def evidence(prefix: str, reference: str, by: str, on: str) -> dict[str, Any]:
    """The four parts of an evidence field: reference, file, who vouches for it, of which day."""
    return {
        f"{prefix}.reference": reference,
        f"{prefix}.file": paper(f"{reference}.txt", f"{reference}, kept elsewhere"),
        f"{prefix}.by": by,
        f"{prefix}.on": on,
    }


class Hands:
    """One person in one browser context, with one passkey."""

    def __init__(self, browser: Browser, product: Product, username: str) -> None:
        self.product = product
        self.username = username
        self.faults: list[str] = []
        self.context = browser.new_context(
            base_url=product.url, viewport=WIDE, locale="en-GB", accept_downloads=True
        )
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(PATIENCE_MS)
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.faults.append(f"{self.page.url}: {error}"))
        self.page.on("response", self._answered)
        self._cdp = self.context.new_cdp_session(self.page)
        self._cdp.send("WebAuthn.enable")
        self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})

    def _console(self, message: ConsoleMessage) -> None:
        # A refusal answers 4xx, which the browser writes to the console too: that is no fault of the page.
        refused = re.search(r"status of (403|404|409|422)", message.text)
        if message.type in ("error", "warning") and not refused:
            self.faults.append(f"{self.page.url}: {message.text}")

    def _answered(self, response: Response) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.request.method} {response.url} answered {response.status}")

    # ---- who ----

    def sign_in(self) -> None:
        """By password, on the sign-in page."""
        self.page.goto("/login")
        self.page.get_by_label("Work email or user name").fill(self.username)
        self.page.get_by_label("Password", exact=True).fill(self.product.password)
        self.page.get_by_role("button", name="Continue with the password").click()
        self.page.wait_for_url(f"{self.product.url}/")

    def sign_in_by_passkey(self) -> None:
        """By the passkey alone: no name is typed."""
        self.page.goto("/login")
        self.page.get_by_role("button", name="Continue with a passkey").click()
        self.page.wait_for_url(f"{self.product.url}/")

    def sign_out(self) -> None:
        self.page.locator("button[popovertarget=account]").click()
        self.page.get_by_role("button", name="Sign out").click()
        self.page.wait_for_url("**/login")

    def add_passkey(self) -> None:
        """On the account page."""
        self.page.goto("/account")
        self.page.get_by_label("Name of the new passkey").fill("Laptop")
        self.page.get_by_role("button", name="Add a passkey").click()
        expect(self.page.get_by_role("status")).to_contain_text("added", timeout=PATIENCE_MS)

    # ---- where ----

    def open(self, number: str, step: str = "") -> None:
        """A record's page, about one step when it is named."""
        self.page.goto(f"/records/{number}")
        others = self.page.locator(f"a[href='/records/{number}?step={step}#gate']")
        if step and others.count():
            others.click()
            self.page.wait_for_url(f"**/records/{number}?step={step}*")

    @property
    def state(self) -> str:
        """The state in the head of the record's page."""
        return self.page.locator("main > header .state").first.inner_text().strip()

    def text(self, selector: str) -> str:
        return self.page.locator(selector).inner_text()

    def gate(self) -> str:
        """What stands against the step that the page is about, who can take it, and who signs."""
        return self.text("section[aria-labelledby=h-gate]")

    # ---- forms ----

    def fill(self, values: Mapping[str, Any], *, within: str = "main") -> None:
        """Type, choose or attach, control by control; the names are those of the form without `f.`."""
        for name, value in values.items():
            found = self.page.locator(f'{within} [name="f.{name}"], {within} [name="{name}"]')
            self._set(found, name, value)

    def _set(self, found: Locator, name: str, value: Any) -> None:
        first = found.first
        kind = first.evaluate("e => e.tagName + ' ' + (e.getAttribute('type') ?? '')")
        if kind == "INPUT file":
            first.set_input_files(value if isinstance(value, list) else [value])
        elif kind == "INPUT radio":
            word = {True: "yes", False: "no"}.get(value, value)
            found.and_(self.page.locator(f'[value="{word}"]')).check()
        elif kind.startswith("SELECT"):
            first.select_option(label=value) if " " in value else first.select_option(value)
        else:
            first.fill(str(value))

    def fill_rows(
        self, field: str, key: str, rows: Mapping[str, Mapping[str, Any]], *, within: str = "main"
    ) -> None:
        """The rows of a closed list: each stands there already, with its choice made."""
        choices = self.page.locator(f'{within} ol[data-list] select[name^="f.{field}."][name$=".{key}"]')
        there = {}
        for k in range(choices.count()):
            there[choices.nth(k).input_value()] = str(choices.nth(k).get_attribute("name"))[2 : -len(key) - 1]
        for chosen, columns in rows.items():
            self.fill(
                {f"{there[chosen]}.{column}": value for column, value in columns.items()}, within=within
            )

    def choices(self, field: str, key: str) -> list[str]:
        """The choices of a closed list's rows, as the form shows them."""
        found = self.page.locator(f'ol[data-list] select[name^="f.{field}."][name$=".{key}"]')
        return [found.nth(k).input_value() for k in range(found.count())]

    def save(self) -> None:
        """The button that writes what was typed to the record."""
        self.page.get_by_role("button", name="Save to the record").click()
        self.told("written")

    def told(self, text: str) -> None:
        """The page says so in a toast; any refusal in its place is shown in the failure."""
        self.page.wait_for_load_state()
        problem = self.page.locator("[role=alert]:visible")
        toast = self._answer()
        assert toast.count(), f"{self.page.url} refused: {problem.all_inner_texts()}, errors {self.errors()}"
        expect(toast.first).to_contain_text(text)

    def _answer(self) -> Locator:
        """Wait until the page answers, in a toast or an alert; gives the toast, of which there may be none."""
        toast = self.page.locator(".toast")
        expect(toast.or_(self.page.locator("[role=alert]:visible")).first).to_be_visible(timeout=PATIENCE_MS)
        return toast

    def errors(self) -> list[str]:
        """The sentences beside fields that can't be read."""
        return self.page.locator("[data-error]").all_inner_texts()

    # ---- acts ----

    def take(self, number: str, step: str, says: str) -> None:
        """Take a step that needs no signature, by its button."""
        self.press(f"step:{step}")
        self.told(says)

    def press(self, value: str) -> None:
        """The button under the form: `step:…` or `sign:…`."""
        button = self.page.locator(f'#act button[name="do"][value="{value}"]')
        try:
            button.click()
        except NotInTime as error:
            raise AssertionError(f"{self.page.url} has no button {value}: {self.gate()}") from error
        self.page.wait_for_load_state()

    def sign(self, number: str, step: str, meaning: int | str = 0, *, stay: bool = False) -> None:
        """Sign a step with the passkey: from the record's page over the ceremony, back to the record."""
        if not stay:
            self.open(number, step)
        self.press(f"sign:{step}")
        self.page.wait_for_url(f"**/records/{number}/sign/{step}")
        options = self.page.locator("dialog#sign input[name=slot]")
        assert options.count(), self.text("dialog#sign")
        (options.nth(meaning) if isinstance(meaning, int) else self.page.get_by_label(meaning)).check()
        self.page.get_by_role("button", name="Sign with passkey").click()
        problem = self.page.locator("dialog#sign [role=alert]:visible")
        toast = self.page.locator(".toast")
        expect(toast.or_(problem).first).to_be_visible(timeout=PATIENCE_MS)
        assert toast.count(), f"{step} of {number} refused: {problem.all_inner_texts()}"
        expect(toast.first).to_contain_text("Signed")

    def refused(self, number: str, step: str) -> str:
        """Try to sign; gives the sentences that the page refuses with, and nothing was signed."""
        self.page.goto(f"/records/{number}/sign/{step}")
        options = self.page.locator("dialog#sign input[name=slot]")
        if not options.count():
            return self.text("dialog#sign")
        options.first.check()
        self.page.get_by_role("button", name="Sign with passkey").click()
        problem = self.page.locator("dialog#sign [role=alert]:visible")
        expect(problem.first).to_be_visible(timeout=PATIENCE_MS)
        return " ".join(problem.all_inner_texts())

    def reply(self, serials: str, outcome: str) -> None:
        """Record a hospital's signed reply about units of a field action's population; it may be refused."""
        self.page.locator("summary", has_text="Record a signed reply").click()
        values = {
            "serials": serials,
            "outcome": outcome,
            "document": paper("reply.txt", f"{serials}: {outcome}. Signed, Head of medical engineering"),
            "signed_by": "Head of medical engineering",
            "signed_on": datetime.now(ZoneInfo("Europe/London")).date().isoformat(),
        }
        self.fill(values, within="#population")
        self.page.get_by_role("button", name="Record the reply").click()
        self._answer()

    def link(self, relation: str, target: str) -> None:
        """Link the record on screen to another one."""
        self.page.locator("#links summary", has_text="Link a record").click()
        self.fill({"relation": relation, "target": target}, within="#links")
        self.page.get_by_role("button", name="Link it").click()
        self._answer()

    def close(self) -> None:
        self.context.close()


def numbers(text: str) -> list[int]:
    """The counts in a text; thousands are separated by a thin space."""
    return [int(re.sub(r"\D", "", found)) for found in re.findall(r"\d+(?:\u2009\d{3})*", text)]


def no_faults(people: Sequence[Hands]) -> None:
    """Nobody's browser complained."""
    found = [f"{one.username}: {fault}" for one in people for fault in one.faults]
    assert not found, "\n".join(found)
