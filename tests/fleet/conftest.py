"""The fleet's own fixtures."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import django
import pytest

django.setup()

SERIALS = ["T4-0311-88207", "T4-0312-88244", "T4-0313-88281", "T4-0314-88318"]


@pytest.fixture
def world(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Four enrolled devices on 4.1.2, nobody has attested yet."""
    from django.conf import settings

    from tests.fleet.world import build_world

    monkeypatch.setattr(settings, "VOUCHSAFE_DATA", tmp_path)
    made = build_world(db.app_dsn, tmp_path, list(SERIALS))
    try:
        yield made
    finally:
        made.intake.close()
