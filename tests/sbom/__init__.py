"""Tests of `vouchsafe.sbom`, with what several of them need."""

from pathlib import Path


def disagreements(name: str) -> set[tuple[str, str]]:
    """The listed (file, case) pairs of one published set."""
    lines = (Path(__file__).parent / "disagreements.tsv").read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line and not line.startswith("#")]
    assert all(len(row) == 4 and row[3] for row in rows), "each line has set, file, case and a reason"
    return {(row[1], row[2]) for row in rows if row[0] == name}
