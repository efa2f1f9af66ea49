"""Commands that need the installation's database get the test's own."""

from typing import Any

import django
import pytest

django.setup()


@pytest.fixture
def installation(db: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> Any:
    """An installation that `use_installation` finds as in production, by its address."""
    from django.conf import settings

    monkeypatch.setenv("VOUCHSAFE_DATABASE_URL", db.app_dsn)
    monkeypatch.setattr(settings, "VOUCHSAFE_DATA", tmp_path)
    return db
