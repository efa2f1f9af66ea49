"""The committed lists of cases where a library of ours and a published test set disagree, one line a case with its reason.

A line is `set TAB file TAB case TAB reason`. An unlisted disagreement fails, and so does a listed one that now agrees.
"""

from pathlib import Path


def load(path: Path, name: str) -> dict[tuple[str, str], str]:
    """The listed cases of the set `name`: (file, case) to reason."""
    found: dict[tuple[str, str], str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        parts = line.split("\t")
        assert len(parts) == 4 and all(parts), (
            f"{path.name} line {number}: expected four fields, got {line!r}"
        )
        if parts[0] == name:
            assert (parts[1], parts[2]) not in found, f"{path.name} line {number}: listed twice"
            found[parts[1], parts[2]] = parts[3]
    return found


def compare(path: Path, name: str, disagreeing: set[tuple[str, str]]) -> None:
    """Fail on a case of the set `name` that disagrees and isn't listed, and on a listed one that agrees."""
    listed = load(path, name)
    unlisted = sorted(disagreeing - listed.keys())
    agreed = sorted(listed.keys() - disagreeing)
    assert not unlisted, f"{name}: disagree and are not in {path.name}: {unlisted[:10]}"
    assert not agreed, f"{name}: listed in {path.name}, but agree now: {agreed[:10]}"
