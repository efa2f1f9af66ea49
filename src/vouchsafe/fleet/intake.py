"""Evidence in: a gateway's batch becomes verified, logged and indexed proofs; the answer says which leaf is
whose.

Order (evidence.md 4.2, 4.3): raw bytes durable, then verdicts, then the batch object, then one transaction
with leaves, states and heads, then the answer. Before that transaction nothing is acknowledged; after it
nothing can be lost. One `Intake` is the one writer of a fleet log. Start with `Intake.take`.
"""

import hashlib
import secrets
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import psycopg

from vouchsafe.attest import batch as wire
from vouchsafe.attest.errors import Malformed
from vouchsafe.fleet import packs, rows
from vouchsafe.fleet.chain import Chain
from vouchsafe.fleet.decide import Context, Decision, Fate, Placed, Round, decide, pending
from vouchsafe.fleet.errors import BadInput
from vouchsafe.fleet.heads import Head, Heads, Known
from vouchsafe.fleet.pool import Pool
from vouchsafe.fleet.rulebook import Rulebook
from vouchsafe.fleet.states import Interned
from vouchsafe.fleet.substrate import FLEET
from vouchsafe.fleet.units import Gateway
from vouchsafe.kernel import loghead, publish
from vouchsafe.ledger.batches import BatchRow
from vouchsafe.ledger.log import Appended, Pending, Published

MAX_ROUND = 2_500
"""Items of one transaction. Each may need a second leaf for the gap that it shows, and an append takes 5,000.
"""
BEACON_MS = 600_000
UNKNOWN_DEVICE = "unknown_device"


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of one item. `index` is its leaf in `log`; -1 where it was refused, and then `error` says
    why.
    """

    log: str
    index: int
    result: str
    tier: int | None = None
    reasons: tuple[str, ...] = ()
    error: str = ""


@dataclass(slots=True)
class _Part:
    """At most MAX_ROUND items of one request, waiting for the sequencer."""

    placed: list[Placed]
    now_ms: int
    answers: list[Answer] = field(default_factory=list)
    error: BaseException | None = None
    done: bool = False


class Intake:
    """The writer of one fleet log. A context manager: entering takes the log over.

    `take` may be called from many threads: whoever comes first sequences for all who wait, so that one
    transaction and its fsync carry many requests. Raises on entering: Fenced, Fork
    (`ledger.log.Writer.take_over`).
    """

    def __init__(self, dsn: str, site: publish.Site, *, workers: int = 0, log: str = FLEET) -> None:
        self._dsn = dsn
        self.site = site
        self.origin = site.origin(log)
        self._log = log
        self._pool = Pool(workers)
        self._queue: list[_Part] = []
        self._queued = threading.Lock()
        self.sequencing = threading.Lock()
        self._beacon: tuple[bytes, int] | None = None

    def __enter__(self) -> "Intake":
        self._head_conn = loghead.connect(self._dsn)
        self.conn = psycopg.connect(self._dsn, autocommit=True, application_name="vouchsafe intake")
        try:
            self.writer = self.site.writer(self._head_conn, self._log)
            self.at_last = self.writer.take_over().at_last
        except BaseException:
            self.close()
            raise
        self.heads = Heads(self.conn)
        self.rulebook = Rulebook(self.conn)
        self.interned = Interned()
        self.chain = Chain(self.origin, self.site.store, self._batch_of)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the log free."""
        self._pool.__exit__(None, None, None)
        self._head_conn.close()
        self.conn.close()

    @property
    def is_lost(self) -> bool:
        """Whether a connection to the database is gone.

        It never comes back: a new writer must take the log over.
        """
        return self._head_conn.closed or self.conn.closed

    def start_workers(self) -> None:
        """Bring the appraisal workers up before the first batch."""
        self._pool.start()

    def take(self, body: bytes, gateway: Gateway, now_ms: int) -> list[Answer]:
        """Take one batch; an answer an item, in the batch's order, once all of it is durable.

        Raises: BadInput with the place of the first fault, and then nothing of the batch was taken.
        """
        try:
            items = wire.decode(body)
        except Malformed as error:
            raise BadInput(error.place, error.expected, error.got) from None
        pack, slices = packs.put(self.site.store, [item.raw for item in items])
        placed = [
            Placed(
                item,
                hashlib.sha256(item.evidence).digest(),
                pack,
                at,
                length,
                commit,
                gateway.pseudonym,
                gateway.id,
            )
            for item, (at, length, commit) in zip(items, slices, strict=True)
        ]
        parts = [_Part(placed[n : n + MAX_ROUND], now_ms) for n in range(0, len(placed), MAX_ROUND)]
        with self._queued:
            self._queue += parts
        for part in parts:
            self._wait(part)
        return [answer for part in parts for answer in part.answers]

    def checkpoint(self, now_ms: int) -> Published:
        """Sign and publish what is committed. May run beside `take`, in one thread at a time."""
        return self.writer.checkpoint(at_ms=now_ms)

    def nonce(self, now_ms: int) -> bytes:
        """The nonce for evidence made now: the hash of the newest root checkpoint, or a random one when that
        is old.

        With `quorum none` the lower bound is the server's own word (evidence.md 1.12).
        """
        if self._beacon is not None and 0 <= now_ms - self._beacon[1] < BEACON_MS:
            return self._beacon[0]
        found = self.conn.execute(
            "SELECT note, (extract(epoch FROM published_at) * 1000)::bigint FROM checkpoint WHERE origin = %s"
            " ORDER BY size DESC LIMIT 1",
            (self.site.origin(publish.ROOT),),
        ).fetchone()
        if found is not None and 0 <= now_ms - found[1] < BEACON_MS:
            nonce, lb, source = hashlib.sha256(bytes(found[0])).digest(), int(found[1]), "root"
        else:
            nonce, lb, source = secrets.token_bytes(32), now_ms, "random"
        self.conn.execute(
            "INSERT INTO fleet_nonce (nonce, lb, source) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING",
            (nonce, lb, source),
        )
        self._beacon = (nonce, lb)
        return nonce

    # -- The sequencer: one thread at a time

    def _wait(self, part: _Part) -> None:
        with self.sequencing:
            if not part.done:
                self._sequence(self._drain(part))
        if part.error is not None:
            raise part.error

    def _drain(self, mine: _Part) -> list[_Part]:
        """My part and what else waits, up to a round."""
        with self._queued:
            taken = [mine]
            size = len(mine.placed)
            for part in self._queue:
                if part is not mine and size + len(part.placed) <= MAX_ROUND:
                    taken.append(part)
                    size += len(part.placed)
            self._queue = [part for part in self._queue if all(part is not one for one in taken)]
        return taken

    def _sequence(self, parts: Sequence[_Part]) -> None:
        try:
            at = max(self.at_last, *(part.now_ms for part in parts))
            answers = self._round([placed for part in parts for placed in part.placed], at)
            start = 0
            for part in parts:
                part.answers = answers[start : start + len(part.placed)]
                start += len(part.placed)
        except BaseException as error:
            for part in parts:
                part.error = error
            raise
        finally:
            for part in parts:
                part.done = True

    def _round(self, placed: Sequence[Placed], at: int) -> list[Answer]:
        rules = self.rulebook.at(at)
        context = Context(self.heads, rules, self.rulebook.by_digest, self.chain, self._keys_of, self._pool)
        done = decide(placed, at, context)
        leaves: list[Pending] = []
        behind: list[Decision | None] = []
        heads = self.heads.of({d.known.device for d in done.logged if d.known})
        for decision in done.logged:
            assert decision.known is not None
            more = pending(decision, heads[decision.known.device].subj, at, rules.policy_digest)
            leaves += more
            behind += [decision, *([None] * (len(more) - 1))]
        unknown = [d for d in done.answered if d.fate is Fate.UNKNOWN]
        if not leaves:
            with self.conn.transaction(), self.conn.cursor() as cursor:
                _quarantine(cursor, unknown, at)
            return _answers(self.origin, len(placed), done, {})
        indexes = self._append(leaves, behind, unknown, done, heads, at)
        return _answers(self.origin, len(placed), done, indexes)

    def _append(
        self,
        leaves: Sequence[Pending],
        behind: Sequence[Decision | None],
        unknown: Sequence[Decision],
        done: Round,
        heads: dict[int, Head],
        at: int,
    ) -> dict[int, int]:
        """S1..S3: leaves, rows and heads in one transaction. Gives the index of each logged item."""

        def also(cursor: Any, appended: Sequence[Appended]) -> None:
            logged = [rows.Logged(a.index, a.seq, d) for a, d in zip(appended, behind, strict=True)]
            rows.write(cursor, logged, done, heads, self.interned)
            _quarantine(cursor, unknown, at)

        committed = False
        try:
            appended = self.writer.append(leaves, at_ms=at, also=also)
            committed = True
        finally:
            if not committed:
                # `also` has moved heads on that the database may not have: ask it again.
                self.heads.forget(heads)
        self.at_last = at
        return {d.number: a.index for a, d in zip(appended, behind, strict=True) if d is not None}

    def _keys_of(self, device: int) -> Mapping[int, Known]:
        ueids = self.conn.execute("SELECT ueid FROM fleet_key WHERE device = %s", (device,)).fetchall()
        return {
            known.generation: known for known in self.heads.known(bytes(row[0]) for row in ueids).values()
        }

    def _batch_of(self, origin: str, ix: int) -> BatchRow | None:
        found = self.conn.execute(
            "SELECT first_ix, next_ix, object, sha256 FROM batch WHERE origin = %s AND first_ix <= %s"
            " ORDER BY first_ix DESC LIMIT 1",
            (origin, ix),
        ).fetchone()
        return BatchRow(found[0], found[1], found[2], bytes(found[3])) if found and found[1] > ix else None


def _quarantine(cursor: Any, unknown: Sequence[Decision], at: int) -> None:
    if not unknown:
        return
    with cursor.copy(
        "COPY fleet_quarantine (at, gateway, reason, ueid, pack, offset_bytes, length_bytes) FROM STDIN"
    ) as stream:
        for d in unknown:
            p = d.placed
            stream.write_row((at, p.gateway_id, UNKNOWN_DEVICE, p.item.ueid, p.pack, p.offset, p.length))


def _answers(origin: str, count: int, done: Round, indexes: Mapping[int, int]) -> list[Answer]:
    found: dict[int, Answer] = {}
    for d in done.logged:
        assert d.verdict is not None
        found[d.number] = Answer(origin, indexes[d.number], "logged", d.verdict.tier, d.verdict.codes())
    for d in done.answered:
        if d.fate is Fate.UNKNOWN:
            ueid = d.placed.item.ueid.hex()
            found[d.number] = Answer(
                origin,
                -1,
                "refused",
                error=f"{UNKNOWN_DEVICE}: no device with ueid {ueid} is enrolled; kept aside",
            )
        elif d.ix is not None:
            found[d.number] = Answer(origin, d.ix, "duplicate")
    for d in done.answered:
        if d.fate is Fate.DUPLICATE and d.ix is None:
            assert d.same is not None
            found[d.number] = Answer(origin, found[d.same].index, "duplicate")
    return [found[number] for number in range(count)]
