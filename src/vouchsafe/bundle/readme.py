"""README.txt of a bundle: what the files are, and how to verify with nothing but common tools."""

from pathlib import Path

from vouchsafe.bundle.contents import Contents

TEXT = Path(__file__).with_name("readme.txt").read_text()


def text(contents: Contents) -> str:
    """The file's text for one bundle."""
    heading = f"{contents.number}: {contents.title}"
    return TEXT.format(
        number=contents.number, title=contents.title, rule="=" * len(heading), name=contents.number
    )
