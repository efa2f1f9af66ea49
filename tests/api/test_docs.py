"""/api/docs in a real browser under the site's own content policy: it is drawn, and nothing that it needs is refused."""

import threading
from typing import Any

import pytest
from playwright.sync_api import sync_playwright

from tests.api.conftest import Company
from tools import browser


@pytest.fixture
def address(company: Company, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The site, served to a browser."""
    import waitress
    from django.conf import settings
    from django.core.wsgi import get_wsgi_application

    server = waitress.create_server(get_wsgi_application(), host="127.0.0.1", port=0, threads=2)
    threading.Thread(target=server.run, daemon=True).start()
    monkeypatch.setattr(settings, "ALLOWED_HOSTS", ["localhost"])
    yield f"http://localhost:{server.effective_port}"
    server.close()


def test_the_document_is_drawn_and_breaks_no_policy(address: str) -> None:
    chromium = browser.find()
    if chromium is None:
        pytest.skip("there is no Chromium here")
    told: list[str] = []
    with sync_playwright() as play:
        chrome = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = chrome.new_page(viewport={"width": 1280, "height": 1000})
        page.set_default_timeout(120_000)
        page.on("console", lambda message: told.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: told.append(str(error)))
        answer = page.goto(f"{address}/api/docs")
        assert answer is not None and "script-src 'self'" in answer.headers["content-security-policy"]
        page.wait_for_selector('[data-path="/api/v1/fleet/devices/{serial}/state"]')
        page.click('[data-path="/api/v1/fleet/summary"]')
        page.wait_for_selector("text=day_before")
        chrome.close()
    assert told == []
