"""Who is affected, and what ran on one device when, on a synthetic fleet of 1,000,000; beside what the
database can do.

    python bench/population.py [--devices 1000000] [--affected 20000] [--asks 300]

Loads devices, identities, intervals and heads by COPY (states and times from a seed, no evidence behind
them), then asks through the product's own functions: the affected population (counted by set and build), the
impact page, one page of a list, and one device at an instant. The limit beside it, in the same run: an
index-only count of the same rows, and one primary-key read by the same connection. "Point in time" here is
the state alone; with its proof the device's chain is read too, which a synthetic fleet doesn't have:
bench/intake.py measures that.
"""

import argparse
import os
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

DATA = Path(tempfile.mkdtemp(prefix="vs-bench-"))
DATA.chmod(0o755)
os.environ.update(
    VOUCHSAFE_DATA=str(DATA),
    VOUCHSAFE_LOG_AUTHORITY="bench.example",
    DJANGO_SETTINGS_MODULE="vouchsafe.server.settings",
)
NOW = 1_800_000_000_000
DAY = 86_400_000
SITES = 1_200
# A database of 1.2 GB on a disk without heads, told so; both are printed.
SETTINGS = {"shared_buffers": "1GB", "random_page_cost": "1.1"}
BUILDS = 40


def load(devices: int, affected: int) -> int:
    """The synthetic fleet; gives the advisory that reaches `affected` devices."""
    import json
    from datetime import UTC, datetime

    from vouchsafe.fleet import db, impact, states, units

    di = "05060912340019"
    units.add_model(di, "Tarn 4")
    db.copy(
        "fleet_site",
        ("key", "name", "city", "country"),
        [(f"s{n}", f"Site {n}", "City", "GB") for n in range(SITES)],
    )
    db.copy(
        "fleet_build",
        (
            "uuid",
            "model",
            "name",
            "version",
            "svn",
            "image",
            "sbom_sha256",
            "envelope_sha256",
            "released_at",
            "released_by",
        ),
        [
            (UUID(int=n + 1), 1, "Tarn 4", f"4.{n}.0", n, n.to_bytes(32), bytes(32), bytes(32), n, "x")
            for n in range(BUILDS)
        ],
    )
    components = [
        (n.to_bytes(32), f"pkg:npm/part{n}", f"part{n}", "1.0.0", "npm", "00:00000001.00000000.00000000")
        for n in range(4000)
    ]
    db.copy(
        "fleet_component",
        ("digest", "pkg", "name", "version", "ecosystem", "coarse", "purl", "cpe"),
        [(*row, f"{row[1]}@1.0.0", "") for row in components],
    )
    # Each build has 600 components; `part0` is in builds 1 and 2 alone, which is what the advisory is about.
    pairs = [(1 + (n * 7 + b * 13) % 3999 + 1, b + 1) for b in range(BUILDS) for n in range(600)] + [
        (1, 2),
        (1, 3),
    ]
    db.copy("fleet_build_component", ("component", "build"), sorted(set(pairs)))
    kinds = [
        states.State(di, True, str(UUID(int=b + 1)), b.to_bytes(32), bytes(32), None, tier, (0,) * 8, ())
        for b in range(BUILDS)
        for tier in (2, 32)
    ]
    db.copy(
        "fleet_state",
        ("digest", "model", "build", "image", "tier", "vec", "reasons", "attested"),
        [
            (s.digest(), 1, int(str(UUID(s.build))[-4:], 16), s.image, s.tier, list(s.vec), [], True)
            for s in kinds
        ]
        + [(states.never(di).digest(), 1, None, None, 0, [0] * 8, [], False)],
    )
    chance = random.Random(1)
    db.copy(
        "fleet_device",
        ("uuid", "model", "origin", "subj"),
        ((UUID(int=n), 1, "bench.example/fleet/0", f"{n:032x}") for n in range(1, devices + 1)),
    )
    db.copy(
        "fleet_identity",
        ("device", "udi_di", "serial", "site", "t0", "rec_ix"),
        ((n, di, f"S{n:07}", 1 + n % SITES, 0, -1) for n in range(1, devices + 1)),
    )
    hit = set(chance.sample(range(1, devices + 1), affected))
    lost = set(chance.sample(range(1, devices + 1), devices // 500)) - hit

    def spans():  # type: ignore[no-untyped-def]
        for n in range(1, devices + 1):
            first, change = chance.randrange(7, 2 * BUILDS + 1), NOW - chance.randrange(1, 300) * DAY
            last = (
                chance.choice((3, 5))
                if n in hit
                else 2 * BUILDS + 1
                if n in lost
                else chance.randrange(7, 2 * BUILDS + 1)
            )
            yield (n, first, NOW - 400 * DAY, change, n, 2 * n, 2 * n)
            yield (n, last, change, db.OPEN, 2 * n, None, None)

    db.copy(
        "fleet_device_state",
        (
            "device",
            "state",
            "t0",
            "t1",
            "g0",
            "b0",
            "c0",
            "base",
            "rec_ix",
            "first_ix",
            "last_ix",
            "closed_ix",
        ),
        ((d, s, a, b, 0, 1, 1, True, ix, ix, last, closed) for d, s, a, b, ix, last, closed in spans()),
    )
    db.copy(
        "fleet_head",
        (
            "device",
            "seq",
            "ix",
            "proof_ix",
            "v",
            "at",
            "generation",
            "boot",
            "ctr",
            "base_v",
            "dlog_size",
            "dlog_root",
            "last_sha256",
            "recent",
            "disorder",
        ),
        (
            (n, 9, 9 * n, 9 * n, NOW - chance.randrange(14 * DAY), NOW, 0, 1, 9, NOW, 9, b"", b"", b"", False)
            for n in range(1, devices + 1)
            if n not in lost
        ),
    )
    told = {
        "id": "BENCH-1",
        "modified": "2026-01-01T00:00:00Z",
        "affected": [
            {
                "package": {"ecosystem": "npm", "name": "part0", "purl": "pkg:npm/part0"},
                "ranges": [{"type": "SEMVER", "events": [{"introduced": "0"}, {"fixed": "2.0.0"}]}],
            }
        ],
    }
    return impact.import_advisory(json.dumps(told).encode(), by=None, at=datetime.now(UTC)).id


def timed(times: int, ask: Callable[[], object]) -> tuple[float, float]:
    """(median, 95th percentile) in ms."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        ask()
        took.append((time.perf_counter() - begun) * 1000)
    took.sort()
    return statistics.median(took), took[int(len(took) * 0.95)]


def run(options: argparse.Namespace) -> int:
    import django
    import psycopg

    from vouchsafe.server import database, postgres
    from vouchsafe.server.settings import _database

    server = postgres.Postgres(DATA / "postgres", settings=SETTINGS)
    server.start()
    try:
        server.create_database("bench")
        django.setup()
        from django.db import connections

        database.migrate(server.url(postgres.OWNER, "bench"), postgres.APP)

        def as_role(url: str) -> None:
            connections["default"].close()
            connections["default"].settings_dict.update(_database(url))

        with psycopg.connect(server.url(postgres.APP, "bench")) as conn:
            for name in (
                "server_version",
                "shared_buffers",
                "random_page_cost",
                "fsync",
                "synchronous_commit",
            ):
                print(f"SHOW {name:20} {conn.execute(f'SHOW {name}').fetchone()[0]}")
        begun = time.perf_counter()
        as_role(server.url(postgres.SUPERUSER, "bench"))
        with connections["default"].cursor() as cursor:
            # Two million rows at once: their foreign keys are right by construction, and the constraint that
            # guards single writes against overlapping intervals serves no question below. Everything else
            # stays.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("ALTER TABLE fleet_device_state DROP CONSTRAINT fleet_device_state_one")
            cursor.execute("ALTER TABLE fleet_identity DROP CONSTRAINT fleet_identity_one_key")
        advisory = load(options.devices, options.affected)
        as_role(server.url(postgres.APP, "bench"))
        with psycopg.connect(server.url(postgres.OWNER, "bench"), autocommit=True) as conn:
            conn.execute("VACUUM ANALYZE")
            size = conn.execute("SELECT pg_size_pretty(pg_database_size('bench'))").fetchone()[0]
        print(
            f"loaded {options.devices:,} devices with {2 * options.devices:,} intervals in "
            f"{time.perf_counter() - begun:.0f} s, {size}, {os.cpu_count()} cores, load"
            f" {os.getloadavg()[0]:.1f}"
        )
        return ask(options, advisory)
    finally:
        server.stop()


def ask(options: argparse.Namespace, advisory: int) -> int:
    from vouchsafe.fleet import db, history, impact, population
    from vouchsafe.fleet.words import NOW_SQL

    found = impact.impact(advisory, NOW)
    wanted = impact.states_in_scope(impact.reach(advisory))
    never = options.devices // 500
    sound = found.confirmed + found.last_known == options.affected and 0.9 * never <= found.unknown <= never
    sound = sound and found.total == options.devices
    print(
        f"in scope {found.scope:,}: {found.confirmed:,} confirmed, {found.last_known:,} last known,"
        f" {found.unknown:,}"
        f" unknown; {len(found.builds)} builds, {len(found.sites):,} sites; sums agree:"
        f" {'yes' if sound else 'NO'}"
    )
    chance = random.Random(2)

    def show(name: str, times: int, work: Callable[[], object]) -> float:
        middle, late = timed(times, work)
        print(f"{name:48} {middle:>9.2f} ms   p95 {late:.2f}")
        return middle

    count = f"SELECT count(*) FROM fleet_device_state ds WHERE {NOW_SQL} AND state = ANY(%(s)s)"
    least = show("limit: index-only count of the same rows", 20, lambda: db.value(count, {"s": wanted}))
    scope = show("affected population, counted by set and build", 20, lambda: impact.scope(advisory, NOW))
    show("the whole impact page: sites, unaffected ones too", 10, lambda: impact.impact(advisory, NOW))
    show("first page of a set", 10, lambda: impact.affected_devices(advisory, "confirmed", NOW))
    show("reached at an instant of the past", 10, lambda: impact.reached_at(advisory, NOW - 100 * DAY))
    one = show(
        "limit: one row by primary key",
        options.asks,
        lambda: db.one(
            "SELECT seq FROM fleet_head WHERE device = %(d)s", {"d": chance.randrange(1, options.devices)}
        ),
    )
    point = show(
        "one device at an instant: its state",
        options.asks,
        lambda: history._interval_at(
            chance.randrange(1, options.devices), NOW - chance.randrange(350 * DAY), None
        ),
    )
    begun = time.perf_counter()
    from datetime import UTC, datetime

    frozen = population.freeze("BENCH-1", advisory, by=None, at=datetime.fromtimestamp(NOW / 1000, UTC))
    print(f"frozen {frozen.size:,} units with their digest in {time.perf_counter() - begun:.2f} s")
    print(f"population is {scope / least:.1f} times its limit, point in time {point / one:.1f} times")
    print(
        f"targets: population 100 ms {'met' if scope <= 100 else 'MISSED'}, point in time 10 ms"
        f" {'met' if point <= 10 else 'MISSED'}"
    )
    return 0 if sound else 1


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=1_000_000)
    parser.add_argument("--affected", type=int, default=20_000)
    parser.add_argument("--asks", type=int, default=300)
    try:
        return run(parser.parse_args())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
