"""Entries and proofs for a bundle: every log at the newest checkpoint that the newest root checkpoint covers.

One checkpoint a log keeps a bundle small: hundreds of entries share the same second step.
"""

from dataclasses import dataclass

from vouchsafe.bundle import Proved
from vouchsafe.fleet import db
from vouchsafe.kernel import publish
from vouchsafe.kernel.publish import NotYetProvable, Site
from vouchsafe.ledger import notes
from vouchsafe.ledger.checkpoints import parse_body
from vouchsafe.ledger.log import Reader


@dataclass(frozen=True, slots=True)
class _Covered:
    size: int
    reader: Reader
    root_entry: bytes
    root_proof: bytes


class Logs:
    """Reads as the logs stood when each was first asked. Not for several threads at once."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._logs: dict[str, _Covered] = {}
        self._root: Reader | None = None

    def size(self, log: str) -> int:
        """Up to which index entries of `log` can be proven. Raises: NotYetProvable."""
        return self._of(log).size

    def entry(self, log: str, index: int) -> bytes:
        """An entry's bytes, compared with its leaf hash. Raises: Tampered."""
        return self._of(log).reader.entry(index)

    def proof(self, log: str, index: int) -> Proved:
        """The two-step proof of an entry. Raises: LedgerError when tiles do not give the signed root."""
        at = self._of(log)
        return Proved(log, index, at.size, at.reader.prove(index).encode(), at.root_entry, at.root_proof)

    def _of(self, log: str) -> _Covered:
        if log not in self._logs:
            self._logs[log] = self._read(log)
        return self._logs[log]

    def _read(self, log: str) -> _Covered:
        origin, root_origin = self._site.origin(log), self._site.origin(publish.ROOT)
        if self._root is None:
            found = db.one(
                "SELECT note FROM checkpoint WHERE origin = %(o)s ORDER BY size DESC LIMIT 1",
                {"o": root_origin},
            )
            if found is None:
                raise NotYetProvable(f"{root_origin}: no checkpoint yet")
            self._root = self._reader(root_origin, found[0])
        row = db.one(
            "SELECT s.ix, s.size, c.note FROM shard_ref s"
            " JOIN checkpoint c ON c.origin = s.origin AND c.size = s.size"
            " WHERE s.root_origin = %(root)s AND s.origin = %(origin)s AND s.ix < %(size)s"
            " ORDER BY s.size DESC LIMIT 1",
            {"root": root_origin, "origin": origin, "size": self._root.size},
        )
        if row is None:
            raise NotYetProvable(f"{origin}: no root checkpoint covers it yet")
        index, size, note = row
        return _Covered(
            size, self._reader(origin, note), self._root.entry(index), self._root.prove(index).encode()
        )

    def _reader(self, origin: str, note: bytes) -> Reader:
        reader = Reader(self._site.public(origin))
        # From the checkpoint table, where only this installation's writers put what they sign.
        reader.use(parse_body(notes.parse_note(note).unverified_text), note)
        return reader
