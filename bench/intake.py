"""Evidence end to end over HTTP: batch in, verified, logged, indexed, answered; beside raw signature
verification.

    python bench/intake.py [--devices 4000] [--rounds 5] [--batch 500] [--senders 4]

Starts a PostgreSQL of its own (durability on, printed) and the real intake process, enrols simulated devices,
makes their evidence before the clock runs, and posts it as hospitals' gateways do. An item counts when its
answer with the leaf index has come back, which is after its transaction committed. Afterwards every answer is
compared with the log, and some devices are asked for their state at an instant with its proof.
"""

import argparse
import gzip
import hashlib
import http.client
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

DATA = Path(tempfile.mkdtemp(prefix="vs-bench-"))
DATA.chmod(0o755)
AUTHORITY = "bench.example"
os.environ.update(
    VOUCHSAFE_DATA=str(DATA),
    VOUCHSAFE_LOG_AUTHORITY=AUTHORITY,
    DJANGO_SETTINGS_MODULE="vouchsafe.server.settings",
)
STATION = "bench-line"


def raw_verify(seconds: float = 2.0) -> float:
    """Ed25519 verifications a CPU second of messages as long as evidence, one process."""
    from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair

    public, secret = crypto_sign_seed_keypair(bytes(32))
    signed = crypto_sign(os.urandom(620), secret)
    begun, count = time.process_time(), 0
    while time.process_time() - begun < seconds:
        for _ in range(200):
            crypto_sign_open(signed, public)
        count += 200
    return count / (time.process_time() - begun)


def prepare(count: int, dsn: str) -> tuple[list, str]:
    """The register, one release and the enrolled devices; gives the devices and a gateway's token."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from vouchsafe.agent.device import Device
    from vouchsafe.agent.images import DEMO_BUILDS, TARN4, image
    from vouchsafe.agent.signer import Ed25519Signer
    from vouchsafe.attest import enrolment
    from vouchsafe.fleet import enrol, releases, units
    from vouchsafe.fleet.intake import Intake
    from vouchsafe.kernel import publish
    from vouchsafe.sbom import statement

    now = time.time_ns() // 1_000_000
    old = now - 86_400_000
    at = datetime.fromtimestamp(old / 1000, UTC)
    di, build = "05060912340019", DEMO_BUILDS[0]
    units.add_model(di, "Tarn 4")
    station = Ed25519Signer(hashlib.sha256(b"station").digest())
    units.add_station(STATION, alg=station.alg, public=station.public, at_ms=old)
    token = units.add_gateway("bench", at_ms=old)
    sbom = json.dumps(
        {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": []}
    ).encode()
    key = Ed25519PrivateKey.generate()
    digest = hashlib.sha256(image(build.firmware.version)).hexdigest()
    releases.release(
        di,
        version=build.firmware.version,
        svn=build.firmware.svn,
        image_sha256=digest,
        by=None,
        at=at,
        envelope=statement.sign_release("tarn4", digest, sbom, key),
        trusted=(key.public_key(),),
        measures=releases.Measures(
            configs=build.configs, stages=[build.firmware.loader_sha256], hw_models=[TARN4.hw_model]
        ),
    )
    serials = [f"B{number:06}" for number in range(count)]
    units.register(di, [units.Unit(serial=serial) for serial in serials], at_ms=old)
    devices, envelopes = [], []
    for serial in serials:
        signer = Ed25519Signer(hashlib.sha256(serial.encode()).digest())
        devices.append(Device.new(signer, TARN4, build.firmware, build.configs["adult"], old))
        made = enrolment.make(
            udi_di=di,
            serial=serial,
            alg=signer.alg,
            public=signer.public,
            key_origin="software",
            assurance="low",
            nonce=bytes(32),
            station=STATION,
            at_ms=old,
        )
        envelopes.append(enrolment.seal(made, station_sign=station.sign, device_sign=signer.sign))
    with Intake(dsn, publish.site()) as intake:
        for start in range(0, count, 2_000):
            done = enrol.enrol(intake, envelopes[start : start + 2_000], now - 3_600_000)
            assert all(one.result == "enrolled" for one in done), done[0]
        intake.checkpoint(now)
    return devices, token


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def start_intake(dsn: str, port: int) -> subprocess.Popen:
    """The intake process as the supervisor starts it; ready when it answers."""
    env = {
        **os.environ,
        "VOUCHSAFE_DATABASE_URL": dsn,
        "VOUCHSAFE_INTAKE_PORT": str(port),
        "VOUCHSAFE_PORT": str(port + 1),
    }
    child = subprocess.Popen([sys.executable, "-m", "vouchsafe.server.intake"], env=env)
    for _ in range(300):
        try:
            ask(port, "GET", "/healthz", b"", {})
            return child
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the intake process did not start")


def ask(port: int, method: str, path: str, body: bytes, headers: dict) -> dict:
    conn = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        conn.request(method, path, body=body, headers=headers)
        answer = conn.getresponse()
        data = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: HTTP {answer.status} {data[:300]!r}")
        return json.loads(data)
    finally:
        conn.close()


def cpu_seconds(child: subprocess.Popen) -> dict[str, float]:
    """CPU seconds so far of the intake process, its workers, PostgreSQL, and this process, which sends."""
    postmaster = next(DATA.glob("postgres/**/postmaster.pid")).read_text().split()[0]

    def of(processes: list[psutil.Process]) -> float:
        found = 0.0
        for one in processes:
            try:
                found += sum(one.cpu_times()[:2])
            except psutil.NoSuchProcess:  # an autovacuum worker that was listed and has ended
                pass
        return found

    intake, server = psutil.Process(child.pid), psutil.Process(int(postmaster))
    return {
        "intake": of([intake]),
        "workers": of(intake.children(recursive=True)),
        "postgresql": of([server, *server.children(recursive=True)]),
        "senders": time.process_time(),
    }


def make_bodies(devices: list, rounds: int, size: int, nonce: bytes) -> list[tuple[int, bytes]]:
    """Batches in sending order: every device once a round."""
    from vouchsafe.attest import batch

    bodies = []
    for _ in range(rounds):
        now = time.time_ns() // 1_000_000
        for start in range(0, len(devices), size):
            items = [device.attest(now, nonce) for device in devices[start : start + size]]
            bodies.append((len(items), gzip.compress(batch.encode(items), 6)))
    return bodies


def post_all(
    port: int, token: str, bodies: list[tuple[int, bytes]], senders: int
) -> tuple[float, list[float], list[dict]]:
    """Seconds for all, the seconds of each request, and the answers."""
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/cbor-seq",
        "Content-Encoding": "gzip",
    }
    waiting = list(enumerate(bodies))
    waiting.reverse()
    lock = threading.Lock()
    took: list[float] = []
    answers: dict[int, list[dict]] = {}

    def send() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                number, (_, body) = waiting.pop()
            begun = time.perf_counter()
            found = ask(port, "POST", "/v1/evidence", body, headers)["items"]
            with lock:
                took.append(time.perf_counter() - begun)
                answers[number] = found

    threads = [threading.Thread(target=send) for _ in range(senders)]
    begun = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begun, took, [item for number in sorted(answers) for item in answers[number]]


def run(options: argparse.Namespace) -> int:
    import django
    import psycopg

    from vouchsafe.server import database, postgres
    from vouchsafe.server.settings import _database

    server = postgres.Postgres(DATA / "postgres")
    server.start()
    child = None
    try:
        server.create_database("bench")
        django.setup()
        from django.db import connections

        database.migrate(server.url(postgres.OWNER, "bench"), postgres.APP)
        dsn = server.url(postgres.APP, "bench")
        connections["default"].settings_dict.update(_database(dsn))
        with psycopg.connect(dsn) as conn:
            for name in ("server_version", "fsync", "full_page_writes", "synchronous_commit"):
                print(f"SHOW {name:20} {conn.execute(f'SHOW {name}').fetchone()[0]}")
        devices, token = prepare(options.devices, dsn)
        connections.close_all()
        port = free_port()
        child = start_intake(dsn, port)
        nonce = bytes.fromhex(
            ask(port, "GET", "/v1/nonce", b"", {"Authorization": f"Bearer {token}"})["nonce"]
        )
        warm = make_bodies(devices, 1, options.batch, nonce)
        bodies = make_bodies(devices, options.rounds, options.batch, nonce)
        post_all(port, token, warm, options.senders)
        used = cpu_seconds(child)
        seconds, took, answers = post_all(port, token, bodies, options.senders)
        used = {name: now - used[name] for name, now in cpu_seconds(child).items()}
        raw = raw_verify()
        return report(options, dsn, bodies, seconds, took, answers, raw, used)
    finally:
        if child is not None:
            child.terminate()
            child.wait(20)
        server.stop()


def report(options, dsn, bodies, seconds, took, answers, raw, used) -> int:  # type: ignore[no-untyped-def]
    import psycopg

    total = sum(count for count, _ in bodies)
    rate = total / seconds
    took.sort()
    indexes = [item["index"] for item in answers]
    tiers = {item.get("tier") for item in answers}
    with psycopg.connect(dsn) as conn:
        following = conn.execute(
            "SELECT next_index FROM log_head WHERE origin = %s", (f"{AUTHORITY}/fleet/0",)
        ).fetchone()[0]
        heads = conn.execute("SELECT count(*), min(seq), max(seq) FROM fleet_head").fetchone()
        states = conn.execute("SELECT count(*) FROM fleet_device_state").fetchone()[0]
    size = sum(len(body) for _, body in bodies) / total
    print(
        f"devices {options.devices}, {total} items in {len(bodies)} requests of {options.batch},"
        f" {options.senders} senders,"
        f" {size:.0f} bytes an item on the wire, {os.cpu_count()} cores, load"
        f" {os.getloadavg()[0]:.1f}"
    )
    print(f"evidence/s over HTTP      {rate:>9,.0f}   (answered with its leaf index, after the commit)")
    print(f"request p50 / p95         {took[len(took) // 2]:>9.2f} / {took[int(len(took) * 0.95)]:.2f} s")
    each = {name: seconds / total * 1e6 for name, seconds in used.items()}
    whole = sum(each.values())
    print(
        f"CPU an item               {whole:>9,.0f}   µs: {', '.join(f'{n} {us:.0f}' for n, us in each.items())}"
    )
    print(f"a CPU second carries      {1e6 / whole:>9,.0f}   items, all four together")
    print(f"raw Ed25519 verify        {raw:>9,.0f}   a CPU second -> intake is {rate / raw:.0%} of it")
    print(f"rows of state             {states:>9,}   for {following:,} leaves: heartbeats add none")
    # enrolment + one warm round + the measured rounds, one leaf each
    whole = options.devices * (options.rounds + 2)
    sound = len(set(indexes)) == total and tiers == {2} and following == whole
    sound = sound and heads == (options.devices, options.rounds + 1, options.rounds + 1)
    at_an_instant(options.asks)
    print(f"every item has its own leaf, affirming, and no leaf is missing: {'yes' if sound else 'NO'}")
    return 0 if sound else 1


def at_an_instant(asks: int) -> None:
    """A device at an instant: its state, the evidence for it, and that entry's proof in two steps, checked."""
    from vouchsafe.fleet import db, history
    from vouchsafe.kernel import permit, publish
    from vouchsafe.ledger import policy, proofs

    publish.tick(datetime.now(UTC))
    shard, root = (policy.parse(text) for text in publish.trust_policies())
    chance = random.Random(1)
    least, most, ids = db.one(
        "SELECT min(v), max(v), (SELECT array_agg(id) FROM fleet_device) FROM fleet_head", {}
    )
    now = time.time_ns() // 1_000_000
    took: dict[str, list[float]] = {"state": [], "proof": [], "check": [], "limit": []}
    for _ in range(asks):
        device, instant = chance.choice(ids), chance.randrange(least, most + 60_000)
        begun = time.perf_counter()
        with permit.one_look():
            state = history.state_at(device, instant, now)
            told = time.perf_counter()
            proof = history.proof(device, state.ix)
        proved = time.perf_counter()
        proofs.verify_two_step(proof, shard_policy=shard, root_policy=root)
        checked = time.perf_counter()
        db.one("SELECT seq FROM fleet_head WHERE device = %(d)s", {"d": device})
        took["limit"].append(time.perf_counter() - checked)
        took["state"].append(told - begun)
        took["proof"].append(proved - begun)
        took["check"].append(checked - proved)
    middle = {name: sorted(times)[len(times) // 2] * 1000 for name, times in took.items()}
    late = sorted(took["proof"])[int(asks * 0.95)] * 1000
    print(f"state at an instant       {middle['state']:>9.2f} ms, with its two-step proof {middle['proof']:.2f} ms"
          f" (p95 {late:.2f}); checking that takes {middle['check']:.2f} ms,"
          f" one row by primary key {middle['limit']:.2f} ms")  # fmt: skip
    print(f"target: point in time with proof 10 ms {'met' if middle['proof'] <= 10 else 'MISSED'}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--devices", type=int, default=4_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--senders", type=int, default=4)
    parser.add_argument("--asks", type=int, default=300)
    try:
        return run(parser.parse_args())
    finally:
        shutil.rmtree(DATA, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
