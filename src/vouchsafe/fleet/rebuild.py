"""Rebuild every derived table of a fleet log from its index 0 and compare (evidence.md 4.12, R-77).

The same code that wrote the tables runs over the committed batches and the stored evidence, into tables of
the same names in a schema of its own. Registers (units, keys, builds, nonces) are inputs, not derived. Start
with `rebuild`.
"""

# SQL here is put together from constants of this package; every value is a parameter.

import hashlib
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import Connection, Cursor

from vouchsafe.attest import batch as wire
from vouchsafe.attest.reference import ReferenceSet
from vouchsafe.fleet import rows
from vouchsafe.fleet.appraisal import NO_REFERENCE, Rules, appraise_with
from vouchsafe.fleet.chain import Chain, Link
from vouchsafe.fleet.db import OPEN
from vouchsafe.fleet.decide import Context, Decision, Placed, decide, pending
from vouchsafe.fleet.heads import Heads, Known
from vouchsafe.fleet.rulebook import Rulebook
from vouchsafe.fleet.states import Interned, never
from vouchsafe.ledger import batches
from vouchsafe.ledger.batches import BatchRow
from vouchsafe.ledger.stores import Source

TABLES: Mapping[str, str] = {
    "fleet_state": "SELECT encode(digest, 'hex'), model, build, tier, vec, reasons, attested FROM"
    " fleet_state",
    "fleet_device_state": (
        "SELECT ds.device, encode(s.digest, 'hex'), ds.t0, ds.t1, ds.g0, ds.b0, ds.c0, ds.base,"
        " ds.rec_ix, ds.first_ix,"
        " ds.last_ix, ds.closed_ix, ds.sup_ix FROM fleet_device_state ds JOIN fleet_state s ON s.id ="
        " ds.state"
    ),
    "fleet_head": "SELECT * FROM fleet_head",
    "fleet_anchor": "SELECT * FROM fleet_anchor",
    "fleet_gap": "SELECT device, reason, t0, t1, first_entry, next_entry, ix, rec_ix, sup_ix FROM fleet_gap",
}
"""What is compared: every column but row ids, which depend on who inserted first."""

# `ref_ix` is where a reference set was logged, which may have been later than its first use; its digest is
# compared.
_UNCOMPARED = frozenset(("pix", "ref_ix"))


@dataclass(frozen=True, slots=True)
class Difference:
    """A table or leaf that came out differently: where, as it is, as it was rebuilt."""

    place: str
    stored: str
    rebuilt: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a rebuild found.

    `digests` by table, of the rebuilt rows; `leaves` whose verdicts were made again.
    """

    leaves: int
    digests: Mapping[str, str]
    differences: tuple[Difference, ...]

    @property
    def is_equal(self) -> bool:
        return not self.differences


def rebuild(owner_dsn: str, origin: str, store: Source) -> Report:
    """Rebuild and compare, in one transaction that is rolled back. Needs the role that owns the tables."""
    schema = f"rebuild_{secrets.token_hex(6)}"
    with psycopg.connect(owner_dsn) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        stored = {table: _digest(conn, query) for table, query in TABLES.items()}
        conn.execute(f"CREATE SCHEMA {schema}")
        for table in TABLES:
            conn.execute(f"CREATE TABLE {schema}.{table} (LIKE public.{table} INCLUDING ALL)")
        conn.execute(f"SET LOCAL search_path = {schema}, public")
        replay = _Replay(conn, origin, store)
        replay.register()
        for row in replay.batches():
            replay.batch(row)
        rebuilt = {table: _digest(conn, query) for table, query in TABLES.items()}
        differences = [
            Difference(table, stored[table], rebuilt[table])
            for table in TABLES
            if stored[table] != rebuilt[table]
        ]
        conn.rollback()
    return Report(replay.leaves, rebuilt, (*replay.differences, *differences))


def _digest(conn: Connection[Any], query: str) -> str:
    """SHA-256 over the sorted COPY text of a query."""
    found = hashlib.sha256()
    with (
        conn.cursor() as cursor,
        cursor.copy(f"COPY (SELECT q::text AS line FROM ({query}) q ORDER BY 1) TO STDOUT") as out,
    ):
        for block in out:
            found.update(block)
    return found.hexdigest()


class _Replay:
    """The intake's steps over leaves that have their index already."""

    def __init__(self, conn: Connection[Any], origin: str, store: Source) -> None:
        self._conn = conn
        self._origin = origin
        self._store = store
        self._heads = Heads(conn)
        self._interned = Interned()
        self._rulebook = Rulebook(conn)
        self._chain = Chain(origin, store, self._batch_of)
        self._subjects = {
            subj: (device, model)
            for subj, device, model in conn.execute(
                "SELECT d.subj, d.id, m.udi_di FROM fleet_device d JOIN fleet_model m ON m.id = d.model"
                " WHERE origin = %s",
                (origin,),
            )
        }
        self.leaves = 0
        self.differences: list[Difference] = []

    def register(self) -> None:
        """The units as they were registered: their first interval, open, before any leaf."""
        with self._conn.cursor() as cursor:
            found = cursor.execute(
                "SELECT DISTINCT ON (ds.device) ds.device, m.udi_di, ds.t0 FROM public.fleet_device_state ds"
                " JOIN fleet_device d ON d.id = ds.device JOIN fleet_model m ON m.id = d.model"
                " WHERE ds.first_ix = -1 AND ds.g0 = -1 AND d.origin = %s ORDER BY ds.device, ds.id",
                (self._origin,),
            ).fetchall()
            ids = self._interned.ids(cursor, [never(model) for _, model, _ in found])
            with cursor.copy(
                "COPY fleet_device_state (device, state, t0, t1, g0, b0, c0, base, rec_ix, first_ix) FROM"
                " STDIN"
            ) as stream:
                for device, model, t0 in found:
                    stream.write_row((device, ids[never(model)], t0, OPEN, -1, -1, -1, True, -1, -1))

    def batches(self) -> Iterator[BatchRow]:
        """Every committed batch of the log, in order."""
        for row in self._conn.execute(
            "SELECT first_ix, next_ix, object, sha256 FROM batch WHERE origin = %s ORDER BY first_ix",
            (self._origin,),
        ).fetchall():
            yield BatchRow(row[0], row[1], row[2], bytes(row[3]))

    def batch(self, row: BatchRow) -> None:
        """One batch: enrolments or evidence, never both (`enrol` appends its own)."""
        batches.check(row, self._origin, self._store.get(row.name))
        links = [self._chain.at(ix) for ix in range(row.first, row.next)]
        self.leaves += len(links)
        with self._conn.cursor() as cursor:
            if any(link.is_evidence for link in links):
                self._evidence(cursor, links)
            else:
                self._enrolments(cursor, links)

    def _enrolments(self, cursor: Cursor[Any], links: Sequence[Link]) -> None:
        devices = [self._subjects[link.leaf.subj][0] for link in links]
        heads = self._heads.of(devices)
        opened, touched = [], []
        for link, device in zip(links, devices, strict=True):
            head = heads[device]
            if link.leaf.kind == "device.clone":
                head.seq, head.ix, head.at = link.leaf.seq, link.ix, link.leaf.at
                touched.append(head)
            else:
                facts = link.facts
                opened.append((head, facts["gen"], facts["from"], link.ix, link.leaf.seq))
        rows.enrolled(cursor, opened, links[0].leaf.at, self._interned, touched=touched)

    def _evidence(self, cursor: Cursor[Any], links: Sequence[Link]) -> None:
        at = links[0].leaf.at
        shown = [link for link in links if link.is_evidence]
        placed = []
        for link in shown:
            item = next(wire.read_items(self._chain.payload(link)[1]))
            sha256 = hashlib.sha256(item.evidence).digest()
            facts = link.facts
            placed.append(
                Placed(item, sha256, link.pack, link.offset, link.length, link.leaf.commit, facts["gw"], 0)
            )
        rules = self._rules(shown, at)
        context = Context(
            self._heads, rules, self._rulebook.by_digest, self._chain, self._keys_of, appraise_with
        )
        done = decide(placed, at, context)
        heads = self._heads.of({d.known.device for d in done.logged if d.known})
        leaves: list[rows.Logged] = []
        for decision in done.logged:
            leaves += self._compare(decision, links, len(leaves), heads[decision.known.device].subj, rules)  # type: ignore[union-attr]
        if len(leaves) != len(links):
            place = f"{self._origin} entries {links[0].ix} to {links[-1].ix}"
            self.differences.append(Difference(place, f"{len(links)} leaves", f"{len(leaves)} leaves"))
        rows.write(cursor, leaves[: len(links)], done, heads, self._interned)

    def _compare(
        self, decision: Decision, links: Sequence[Link], start: int, subj: str, rules: Rules
    ) -> list[rows.Logged]:
        """The leaves of one decision beside those that were logged."""
        out = []
        for n, made in enumerate(pending(decision, subj, links[0].leaf.at, rules.policy_digest)):
            if start + n >= len(links):
                break
            link = links[start + n]
            old = {key: value for key, value in link.facts.items() if key not in _UNCOMPARED}
            new = {key: value for key, value in made.facts.items() if key not in _UNCOMPARED}
            stored = (link.leaf.subj, link.leaf.kind, link.leaf.by, old)
            if stored != (made.subj, made.kind, made.by, new):
                self.differences.append(Difference(f"{self._origin} entry {link.ix}", str(stored), str(made)))
            out.append(rows.Logged(link.ix, link.leaf.seq, decision if n == 0 else None))
        return out

    def _rules(self, shown: Sequence[Link], at: int) -> Rules:
        """The reference sets and the policy that the leaves themselves name."""
        rules = self._rulebook.at(at)
        references: dict[str, ReferenceSet] = {}
        for link in shown:
            digest = bytes.fromhex(link.facts["ref_digest"])
            references[self._subjects[link.leaf.subj][1]] = self._rulebook.by_digest.get(digest, NO_REFERENCE)
        return rules._replace(references=references)

    def _keys_of(self, device: int) -> Mapping[int, Known]:
        ueids = self._conn.execute("SELECT ueid FROM fleet_key WHERE device = %s", (device,)).fetchall()
        return {
            known.generation: known for known in self._heads.known(bytes(row[0]) for row in ueids).values()
        }

    def _batch_of(self, origin: str, ix: int) -> BatchRow | None:
        found = self._conn.execute(
            "SELECT first_ix, next_ix, object, sha256 FROM batch WHERE origin = %s AND first_ix <= %s"
            " ORDER BY first_ix DESC LIMIT 1",
            (origin, ix),
        ).fetchone()
        return BatchRow(found[0], found[1], found[2], bytes(found[3])) if found and found[1] > ix else None
