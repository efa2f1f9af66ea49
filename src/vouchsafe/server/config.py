"""Every setting of an installation, read once from the environment. A wrong value means no start.

Start at `read`. Nothing else in Vouchsafe reads an environment variable.
"""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import holidays

_AUTHORITY = re.compile(r"[a-z0-9]([a-z0-9.-]{0,120}[a-z0-9])?\Z")


class ConfigError(Exception):
    """A setting is wrong. The text names it, says what it holds and what was expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """What an installation is told from outside."""

    data: Path
    port: int
    intake_port: int
    origin: str
    organisation: str
    log_authority: str
    database_url: str  # the application's role; empty: embedded
    database_owner_url: str  # runs migrations; empty: embedded
    demo: bool
    calendar: str  # whose public holidays are no working days, e.g. GB-ENG; empty: weekends only
    clock_limit_s: int  # how far our clock may be from the database's when somebody signs; 0: no limit

    @property
    def host(self) -> str:
        """The name that browsers use; also the WebAuthn relying-party id."""
        return urlsplit(self.origin).hostname or ""


def read(env: Mapping[str, str] = os.environ) -> Config:
    """The configuration in `env`.

    Raises:
        ConfigError: naming the first wrong setting.
    """
    port = _port(env, "VOUCHSAFE_PORT", 8000)
    origin = env.get("VOUCHSAFE_ORIGIN", f"http://localhost:{port}").rstrip("/")
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query:
        raise ConfigError(
            f"VOUCHSAFE_ORIGIN is “{origin}”; expected an address such as https://quality.example.com."
        )
    if parts.scheme == "http" and parts.hostname != "localhost":
        raise ConfigError(
            f"VOUCHSAFE_ORIGIN is “{origin}”; passkeys need https, or http://localhost for a trial on one machine."
        )
    authority = env.get("VOUCHSAFE_LOG_AUTHORITY", "log.localhost")
    if not _AUTHORITY.match(authority):
        raise ConfigError(f"VOUCHSAFE_LOG_AUTHORITY is “{authority}”; expected a lower-case host name.")
    urls = [env.get(name, "") for name in ("VOUCHSAFE_DATABASE_URL", "VOUCHSAFE_DATABASE_OWNER_URL")]
    for name, url in zip(("VOUCHSAFE_DATABASE_URL", "VOUCHSAFE_DATABASE_OWNER_URL"), urls, strict=True):
        if url and urlsplit(url).scheme not in ("postgresql", "postgres"):
            raise ConfigError(f"{name} doesn't begin with postgresql://. PostgreSQL is the only database.")
    return Config(
        data=Path(env.get("VOUCHSAFE_DATA", "var")).expanduser().absolute(),
        port=port,
        intake_port=_port(env, "VOUCHSAFE_INTAKE_PORT", port + 1),
        origin=origin,
        organisation=env.get("VOUCHSAFE_ORGANISATION", "My organisation"),
        log_authority=authority,
        database_url=urls[0],
        database_owner_url=urls[1],
        demo=env.get("VOUCHSAFE_DEMO", "") == "1",
        calendar=_calendar(env.get("VOUCHSAFE_CALENDAR", "")),
        clock_limit_s=_seconds(env, "VOUCHSAFE_CLOCK_LIMIT_S", 30),
    )


def secret_key(data: Path) -> str:
    """The key of sessions and forms: made on first use, kept in the data folder with mode 0600."""
    path = data / "keys" / "session.key"
    try:
        return path.read_text()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = secrets.token_urlsafe(48)
        try:
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(made)
        except FileExistsError:  # another process made it in this moment
            return path.read_text()
        return made


def _calendar(text: str) -> str:
    country, _, part = text.partition("-")
    if text:
        try:
            holidays.country_holidays(country, subdiv=part or None)
        except NotImplementedError:
            raise ConfigError(
                f"VOUCHSAFE_CALENDAR is “{text}”; expected a country, or a country and a part, such as DE or GB-ENG."
            ) from None
    return text


def _seconds(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or int(text) > 86_400:
        raise ConfigError(f"{name} is “{text}”; expected seconds, from 0 to 86400.")
    return int(text)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise ConfigError(f"{name} is “{text}”; expected a number from 1 to 65535.")
    return int(text)
