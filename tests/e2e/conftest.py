"""The running product, a real Chromium, and people at it."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e import product as running
from tests.e2e.hands import Hands
from tools import browser as chromium

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="session")
def product() -> Iterator[running.Product]:
    """The demonstration, loaded. At the end it must stop cleanly and leave nothing behind."""
    folder = running.temporary_folder()
    started = running.Product(
        folder / "data",
        running.free_port(),
        "--demo",
        str(running.EXAMPLE),
        "--devices",
        str(running.DEVICES),
    )
    try:
        started.wait_for(started.data / "demo" / "seeded", running.SEEDED_WITHIN_S)
        yield started
        code, left = started.stop()
        assert (code, left) == (0, []), started.said
    finally:
        started.kill()
        running.remove(folder)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium. A module's own: Playwright's loop in this thread would keep Django of other tests from working."""
    path = chromium.find()
    if path is None:
        pytest.fail("there is no Chromium; tools/browser.py says how to get one")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def as_person(browser: Browser, product: running.Product) -> Iterator[Callable[[str], Hands]]:
    """Someone signed in, with a passkey that was added on the account page; one context a person."""
    known: dict[str, Hands] = {}

    def get(username: str) -> Hands:
        if username not in known:
            known[username] = hands = Hands(browser, product, username)
            hands.sign_in()
            hands.add_passkey()
        return known[username]

    yield get
    for hands in known.values():
        hands.close()
