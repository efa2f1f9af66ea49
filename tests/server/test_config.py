"""A wrong setting means no start, and the sentence names it."""

import pytest

from vouchsafe.server import config


def test_the_defaults_run_on_localhost(tmp_path):
    it = config.read({"VOUCHSAFE_DATA": str(tmp_path)})
    assert (it.port, it.intake_port, it.origin, it.host) == (8000, 8001, "http://localhost:8000", "localhost")
    assert not it.demo


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("VOUCHSAFE_PORT", "0", "a number from 1 to 65535"),
        ("VOUCHSAFE_PORT", "65536", "a number from 1 to 65535"),
        ("VOUCHSAFE_PORT", "80a", "a number from 1 to 65535"),
        ("VOUCHSAFE_INTAKE_PORT", "-1", "a number from 1 to 65535"),
        ("VOUCHSAFE_ORIGIN", "quality.example.com", "expected an address"),
        ("VOUCHSAFE_ORIGIN", "http://quality.example.com", "passkeys need https"),
        ("VOUCHSAFE_ORIGIN", "https://quality.example.com/app", "expected an address"),
        ("VOUCHSAFE_LOG_AUTHORITY", "Log Example", "lower-case host name"),
        ("VOUCHSAFE_CALENDAR", "Atlantis", "a country"),
        ("VOUCHSAFE_CLOCK_LIMIT_S", "soon", "expected seconds"),
        ("VOUCHSAFE_DATABASE_URL", "mysql://x", "PostgreSQL is the only database"),
    ],
)
def test_a_wrong_setting_is_named(name, value, says):
    with pytest.raises(config.ConfigError, match=says) as told:
        config.read({name: value})
    assert name in str(told.value)


def test_the_session_key_is_made_once_and_is_private(tmp_path):
    first = config.secret_key(tmp_path)
    assert config.secret_key(tmp_path) == first
    assert len(first) >= 48
    assert (tmp_path / "keys" / "session.key").stat().st_mode & 0o777 == 0o600
