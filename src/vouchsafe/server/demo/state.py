"""What the demonstration keeps beside the data: progress, the password of its people, the tokens of its gateways."""

import json
import os
import secrets
from pathlib import Path
from typing import Any

# Plain words, so that the password can be read from the terminal and typed. Five words of 64
# and six digits give about 50 bits, and sign-in locks after a few wrong ones.
_WORDS = " ".join(
    (
        "amber anvil apple arrow aspen badge basil beacon birch bridge brook cabin candle canoe cedar chalk",
        "cliff clover coral crane delta dune ember fern field finch flint forge garnet glade harbor hazel",
        "heron iris ivory juniper kettle lantern larch linen lotus maple marble meadow mint moss oak olive",
        "opal orchid otter pearl pebble pine quartz raven reed river saddle slate spruce tarn thistle willow",
    )
).split()


class State:
    """The demonstration's own folder within the data folder."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.folder = data / "demo"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.fleet = self.folder / "fleet"

    def says(self, text: str, percent: int) -> None:
        """Tell the pages how far the loading is."""
        self._write(self.data / "seeding.json", json.dumps({"says": text, "percent": percent}))

    def done(self) -> None:
        self._write(self.data / "seeding.json", json.dumps({"done": True}))
        (self.folder / "seeded").touch()

    @property
    def seeded(self) -> bool:
        return (self.folder / "seeded").exists()

    def password(self) -> str:
        """The password of every person of the demonstration: made once an installation, never the same in two."""
        path = self.folder / "password"
        if not path.exists():
            words = "-".join(secrets.choice(_WORDS) for _ in range(5))
            self._write(path, f"{words}-{secrets.randbelow(10**6):06}")
        return path.read_text()

    def kept(self, name: str) -> dict[str, Any]:
        """A small JSON object by name; empty when there is none."""
        try:
            found = json.loads((self.folder / f"{name}.json").read_text())
        except FileNotFoundError:
            return {}
        assert isinstance(found, dict)
        return found

    def keep(self, name: str, value: dict[str, Any]) -> None:
        self._write(self.folder / f"{name}.json", json.dumps(value))

    def _write(self, path: Path, text: str) -> None:
        new = path.with_name(path.name + ".new")
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
