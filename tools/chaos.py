"""Kill every process of a running Vouchsafe at random under load, and show that nothing acknowledged was lost.

    python tools/chaos.py --kills 50

Three witnesses stand outside the product: a sender that writes each acknowledgement to a file and fsyncs it before it
believes it, a user who does the same with opened records, and a follower that keeps every checkpoint it ever saw. At the
end the logs are hashed again from bytes, each acknowledgement is looked up, and the checkpoints are compared: a lost
entry, two roots for one size, or a checkpoint that isn't consistent with an earlier one is a failure (exit 1).
"""

import argparse
import ctypes
import hashlib
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

TARGETS = ("web", "worker", "intake", "postgres", "supervisor")
AUTHORITY = "chaos.example"


@dataclass
class Told:
    """What the three witnesses hold."""

    evidence: int = 0
    records: int = 0
    checkpoints: int = 0
    roots: dict[tuple[str, int], str] = field(default_factory=dict)
    forks: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    refused: Counter[str] = field(
        default_factory=Counter
    )  # "intake 503", "web 502": nothing was acknowledged
    back: dict[str, list[float]] = field(default_factory=dict)  # seconds until each target answered again


class Product:
    """One `vouchsafe up` in a folder of its own."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.port, self.intake_port = _free_port(), _free_port()
        self.env = {
            **os.environ, "VOUCHSAFE_DATA": str(data), "VOUCHSAFE_PORT": str(self.port),
            "VOUCHSAFE_INTAKE_PORT": str(self.intake_port), "VOUCHSAFE_LOG_AUTHORITY": AUTHORITY,
        }  # fmt: skip
        self.web = f"http://localhost:{self.port}"
        self.intake = f"http://127.0.0.1:{self.intake_port}"
        self.up: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Once, and no second try: after a kill of the supervisor the next one waits for the ports by itself."""
        command = [str(Path(sys.executable).with_name("vouchsafe")), "up"]
        with open(self.data / "up.log", "ab") as log:
            self.up = subprocess.Popen(command, env=self.env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       start_new_session=True, preexec_fn=_die_with_parent)  # fmt: skip

    def wait(self) -> None:
        for url in (f"{self.web}/login", f"{self.intake}/healthz"):
            _until(lambda url=url: _status(url) == 200, 90, f"{url} answers")

    def pid(self, name: str) -> int | None:
        """The process to kill: ours by its command, PostgreSQL's postmaster."""
        self.must_live()
        assert self.up
        if name == "supervisor":
            return self.up.pid
        mark = {"web": "gunicorn", "worker": "vouchsafe.server.worker", "intake": "vouchsafe.server.intake",
                "postgres": "bin/postgres"}[name]  # fmt: skip
        try:
            for child in psutil.Process(self.up.pid).children():
                if mark in " ".join(child.cmdline()):
                    return child.pid
        except psutil.Error:
            pass
        return None

    def must_live(self) -> None:
        if self.up is None or self.up.poll() is not None:
            raise RuntimeError(
                f"the supervisor ended by itself:\n{(self.data / 'up.log').read_text()[-2000:]}"
            )

    def answers(self, name: str, *, not_pid: int) -> bool:
        """Whether a target that was killed is back: another process, and it does its work."""
        if self.pid(name) in (None, not_pid):
            return False
        web, intake = _status(f"{self.web}/login") == 200, _status(f"{self.intake}/healthz") == 200
        return {"web": web, "intake": intake, "worker": True, "postgres": web, "supervisor": web and intake}[
            name
        ]

    def stop(self) -> list[str]:
        """Stop it, and name every process of this data folder that is still there after a while (and end those)."""
        if self.up and self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
            try:
                self.up.wait(60)
            except subprocess.TimeoutExpired:
                self.up.kill()
                self.up.wait()
        deadline = time.monotonic() + 15
        while (left := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.2)
        told = [f"left behind: {one.pid} {' '.join(one.cmdline())[:150]}" for one in left if one.is_running()]
        for one in left:
            one.kill()
        return told

    def processes(self) -> list[psutil.Process]:
        """Every process but this one that was started for this data folder."""
        found = []
        for one in psutil.process_iter():
            try:
                named = str(self.data) in " ".join(one.cmdline())
                mine = one.environ().get("VOUCHSAFE_DATA") == str(self.data)
                if one.pid != os.getpid() and one.status() != psutil.STATUS_ZOMBIE and (named or mine):
                    found.append(one)
            except psutil.Error:
                continue
        return found


def set_up(product: Product, devices: int) -> tuple[Any, str, str]:
    """A fleet that is enrolled, a gateway's token, and an API token of somebody who may open complaints."""
    secrets = json.loads((product.data / "postgres" / "secrets.json").read_text())
    sockets = str(product.data / "postgres" / "run").replace("/", "%2F")
    os.environ.update(product.env)
    os.environ["VOUCHSAFE_DATABASE_URL"] = f"postgresql://vouchsafe_app:{secrets['app']}@{sockets}/vouchsafe"
    os.environ["DJANGO_SETTINGS_MODULE"] = "vouchsafe.server.settings"
    import django

    django.setup()
    from vouchsafe.agent import images
    from vouchsafe.agent.simulated import UDI_DI, Fleet
    from vouchsafe.api import tokens
    from vouchsafe.attest.verify import AppraisalPolicy
    from vouchsafe.fleet import releases, units
    from vouchsafe.kernel import people

    now, now_ms = datetime.now(UTC), _now_ms()
    fleet = Fleet(seed=7, serials=[f"C-{n:04}" for n in range(devices)], hospitals=["h1"], start_ms=now_ms, lives={},
                  every_ms=1500)  # fmt: skip
    units.add_model(UDI_DI, "Tarn 4")
    units.add_site("h1", name="Hospital one", city="Kendal", country="GB")
    token = units.add_gateway("gw", at_ms=now_ms, site="h1", scopes=(units.EVIDENCE, units.ENROL))
    station, (alg, public) = next(iter(fleet.stations().items()))
    units.add_station(station, alg=alg, public=public, at_ms=now_ms)
    units.register(UDI_DI, [units.Unit(serial=m.serial, site="h1") for m in fleet.members], at_ms=now_ms)
    releases.set_policy(AppraisalPolicy(nonces={}), by=None, at=now)
    for build in images.DEMO_BUILDS:
        _release(build, UDI_DI, now)
    envelopes = [json.loads(envelope) for _, envelope in fleet.enrolments(bytes(32))]
    answer = httpx.post(
        f"{product.intake}/v1/enrol", json=envelopes, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200 and {i["result"] for i in answer.json()["items"]} == {"enrolled"}, (
        answer.text[:500]
    )
    person = people.create("handler", email="h@chaos.example", full_name="Handler", at=now)
    people.grant(person, "complaint_handler", by=None, at=now)
    _, api_token = tokens.make(person, "chaos", ["records:read", "records:write"], at=now)
    return fleet, token, api_token


def _release(build: Any, udi_di: str, at: datetime) -> None:
    """Release a build with a one-component SBOM, signed by a key made for it."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from vouchsafe.agent.images import TARN4
    from vouchsafe.fleet import releases
    from vouchsafe.sbom import statement

    key, firmware = Ed25519PrivateKey.generate(), build.firmware
    sbom = {
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1,
        "metadata": {"component": {"type": "firmware", "name": "tarn4", "version": firmware.version}},
        "components": [{"type": "library", "name": "time", "version": "0.1.44", "purl": "pkg:cargo/time@0.1.44"}],
    }  # fmt: skip
    image = firmware.image_sha256.hex()
    releases.release(
        udi_di, version=firmware.version, svn=firmware.svn, image_sha256=image, by=None, at=at,
        envelope=statement.sign_release("tarn4", image, json.dumps(sbom).encode(), key), trusted=(key.public_key(),),
        measures=releases.Measures(
            configs=build.configs, stages=[firmware.loader_sha256], hw_models=[TARN4.hw_model]
        ),
    )  # fmt: skip


def send_evidence(product: Product, fleet: Any, token: str, told: Told, stop: threading.Event) -> None:
    """Post what the devices make until the intake says where it stands; believe nothing before the fsync."""
    with open(product.data / "acks-evidence.jsonl", "a") as acks, httpx.Client(timeout=20) as client:
        headers = {"Authorization": f"Bearer {token}"}
        nonce = [bytes(32)]
        while not stop.is_set():
            try:
                nonce[0] = bytes.fromhex(
                    client.get(f"{product.intake}/v1/nonce", headers=headers).json()["nonce"]
                )
            except (httpx.HTTPError, ValueError, KeyError):
                time.sleep(0.2)
                continue
            for step in fleet.steps(_now_ms(), every_ms=60_000, nonce_at=lambda _: nonce[0]):
                items = step.items()
                while items and not stop.is_set():
                    answer = _post(
                        client, f"{product.intake}/v1/evidence", b"".join(i.raw for i in items), headers, told
                    )
                    if answer is None:
                        time.sleep(0.1)
                        continue
                    for item, said in zip(items, answer["items"], strict=True):
                        line = {"sha256": hashlib.sha256(item.evidence).hexdigest(), **said}
                        acks.write(json.dumps(line) + "\n")
                    acks.flush()
                    os.fsync(acks.fileno())
                    told.evidence += len(items)
                    break
            time.sleep(0.05)


def open_records(product: Product, token: str, told: Told, stop: threading.Event) -> None:
    """Open complaints through the API; a number that came back is fsynced and must be there at the end."""
    headers = {"Authorization": f"Bearer {token}"}
    with open(product.data / "acks-records.jsonl", "a") as acks, httpx.Client(timeout=20) as client:
        while not stop.is_set():
            given = {
                "process": "complaint",
                "title": f"Load {told.records}",
                "changes": {"summary": "Made under load"},
            }
            try:
                answer = client.post(f"{product.web}/api/v1/records", json=given, headers=headers)
            except httpx.HTTPError as error:
                told.refused[f"web {type(error).__name__}"] += 1
                time.sleep(0.1)
                continue
            if answer.status_code == 201:
                it = answer.json()
                acks.write(json.dumps({"number": it["number"], "sha256": it["sha256"]}) + "\n")
                acks.flush()
                os.fsync(acks.fileno())
                told.records += 1
            elif answer.status_code >= 500:
                told.refused[f"web {answer.status_code}"] += 1
                if answer.status_code != 503:
                    told.problems.append(f"the API answered {answer.status_code}: {answer.text[:300]}")
            else:
                told.problems.append(f"opening a record: {answer.status_code} {answer.text[:200]}")
            time.sleep(0.02)


def follow(product: Product, keys: dict[str, str], told: Told, stop: threading.Event) -> None:
    """Keep every checkpoint that was ever published; each must be consistent with the one before it."""
    from vouchsafe.ledger.errors import LedgerError
    from vouchsafe.ledger.reader import Reader
    from vouchsafe.ledger.tree import verify_consistency

    last: dict[str, Any] = {}
    while not stop.is_set():
        for log, vkey in keys.items():
            try:
                reader = Reader(f"{product.web}/log/{log}")
                now = reader.checkpoint(vkey)
                before = last.get(log)
                seen = told.roots.setdefault((log, now.size), now.root.hex())
                if seen != now.root.hex():
                    told.forks.append(f"{log}: two roots at size {now.size}")
                if before and now.size < before.size:
                    told.forks.append(f"{log}: size fell from {before.size} to {now.size}")
                if before and now.size > before.size > 0:
                    proof = reader.consistency(before.size, now.size)
                    verify_consistency(before.size, now.size, proof, before.root, now.root)
                last[log] = now
                told.checkpoints += 1
            except (OSError, TimeoutError):
                pass
            except LedgerError as error:
                # 503 while the database is away, or cut off in the middle, is no answer; 500 would be a fault.
                if any(words in str(error) for words in ("got 503", "onnect", "Content-Length")):
                    told.refused["log 503 or cut off"] += 1
                else:
                    told.problems.append(f"{log}: {error}")
        time.sleep(0.2)


def check(product: Product, keys: dict[str, str], told: Told) -> list[str]:
    """What was lost or forked; empty when nothing was."""
    from django.db import connection

    from vouchsafe.fleet import substrate
    from vouchsafe.kernel import audit
    from vouchsafe.ledger.audit import fsck
    from vouchsafe.ledger.reader import Reader

    connection.close()  # of before the first kill of PostgreSQL
    with connection.cursor() as cursor:
        _until(lambda: not _unlogged(cursor), 60, "every event has its leaf")
    wrong = list(told.forks) + sorted(set(told.problems))[:10]
    for log, vkey in keys.items():
        folder = product.data / "logs" / log
        report = fsck(Reader(folder), vkey)
        print(f"  {log}: {report}")
        if not report.is_sound:
            wrong.append(f"{log}: {report}")
        reader = Reader(folder)
        reader.checkpoint(vkey)
        for (name, size), root in told.roots.items():
            if name == log and size and reader.root_at(size).hex() != root:
                wrong.append(f"{log}: the follower saw another root at size {size}")
    origin = substrate.fleet_origin()
    chain = substrate.chain(origin)
    for line in (product.data / "acks-evidence.jsonl").read_text().splitlines():
        ack = json.loads(line)
        if ack["index"] < 0:
            wrong.append(f"evidence {ack['sha256'][:16]} was refused: {ack.get('error')}")
            continue
        _, payload = chain.payload(chain.at(ack["index"]))
        if ack["sha256"] not in _digests(payload):
            wrong.append(f"acknowledged evidence {ack['sha256'][:16]} isn't at index {ack['index']}")
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT r.number, v.sha256 FROM kernel_record r JOIN kernel_version v ON v.record_id = r.id"
        )
        there = set(cursor.fetchall())
    for line in (product.data / "acks-records.jsonl").read_text().splitlines():
        ack = json.loads(line)
        if (ack["number"], ack["sha256"]) not in there:
            wrong.append(f"acknowledged record {ack['number']} is lost")
    report = audit.audit(datetime.now(UTC))
    if not report.sound:
        wrong.append(f"audit: {report}")
    return wrong


def _unlogged(cursor: Any) -> bool:
    """Some event waits for its leaf."""
    cursor.execute(
        "SELECT 1 FROM kernel_event e WHERE NOT EXISTS (SELECT 1 FROM leaf_ref l WHERE l.event = e.id)"
    )
    return cursor.fetchone() is not None


def _digests(payload: bytes) -> set[str]:
    """SHA-256 of the evidence inside a stored item (a CBOR array whose third part it is)."""
    import cbor2

    return {hashlib.sha256(payload).hexdigest(), hashlib.sha256(cbor2.loads(payload)[2]).hexdigest()}


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kills", type=int, default=50, help="of each process")
    parser.add_argument("--devices", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--keep", action="store_true", help="keep the data folder")
    given = parser.parse_args()
    seed = random.randrange(10**6) if given.seed is None else given.seed
    dice = random.Random(seed)
    data = Path(tempfile.mkdtemp(prefix="vs-chaos-"))
    data.chmod(0o755)
    product, told, stop = Product(data), Told(), threading.Event()
    print(f"seed {seed}, data in {data}")
    try:
        product.start()
        product.wait()
        fleet, token, api_token = set_up(product, given.devices)
        from vouchsafe.kernel import publish

        _until(lambda: len(publish.logs()) >= 3, 30, "three logs exist")
        keys = {one.name: one.vkey for one in publish.logs()}
        threads = [
            threading.Thread(target=send_evidence, args=(product, fleet, token, told, stop)),
            threading.Thread(target=open_records, args=(product, api_token, told, stop)),
            threading.Thread(target=follow, args=(product, keys, told, stop)),
        ]
        for thread in threads:
            thread.start()
        killed = kill_all(product, given.kills, dice, told)
        product.wait()
        _until(lambda before=told.evidence: told.evidence > before, 60, "evidence is acknowledged again")
        stop.set()
        for thread in threads:
            thread.join(60)
        print(f"killed {killed}; acknowledged {told.evidence} evidence, {told.records} records; "
              f"{told.checkpoints} checkpoints followed, {len(told.roots)} different")  # fmt: skip
        refused = ", ".join(f"{n} × {what}" for what, n in sorted(told.refused.items()))
        print(f"not acknowledged: {refused or 'none'}")
        for name, seconds in sorted(told.back.items()):
            middle, most = statistics.median(seconds), max(seconds)
            print(f"  {name} answered again after {middle:.1f} s (median), {most:.1f} s (most)")
        wrong = check(product, keys, told)
    finally:
        stop.set()
        left = product.stop()
        if not given.keep:
            shutil.rmtree(data, ignore_errors=True)
    wrong += left
    for line in wrong:
        print(f"FAILED {line}")
    print("lost: nothing; forks: none" if not wrong else f"{len(wrong)} faults")
    return 1 if wrong else 0


def kill_all(product: Product, kills: int, dice: random.Random, told: Told) -> dict[str, int]:
    """Kill each target `kills` times in random order at random moments; some while another is still coming back."""
    plan = [name for name in TARGETS for _ in range(kills)]
    dice.shuffle(plan)
    killed: dict[str, int] = dict.fromkeys(TARGETS, 0)
    for number, name in enumerate(plan):
        time.sleep(dice.uniform(0.05, 1.2))
        _until(lambda name=name: product.pid(name) is not None, 120, f"{name} runs")
        pid = product.pid(name)
        while pid is None:  # it ended by itself in this moment, because its database was killed
            time.sleep(0.05)
            pid = product.pid(name)
        began = time.monotonic()
        os.kill(pid, signal.SIGKILL)
        killed[name] += 1
        if name == "supervisor":
            assert product.up
            product.up.wait()
            product.start()
        if dice.random() < 0.75:
            _until(lambda name=name, pid=pid: product.answers(name, not_pid=pid), 120, f"{name} is back")
            told.back.setdefault(name, []).append(time.monotonic() - began)
        if number % 25 == 24:
            so_far = f"{told.evidence} evidence, {told.records} records"
            print(f"  {number + 1}/{len(plan)} kills; {so_far}", flush=True)
    return killed


def _post(client: httpx.Client, url: str, body: bytes, headers: dict[str, str], told: Told) -> Any:
    """The intake's answer; None when nothing was acknowledged."""
    try:
        answer = client.post(url, content=body, headers=headers)
    except httpx.HTTPError as error:
        told.refused[f"intake {type(error).__name__}"] += 1
        return None
    if answer.status_code == 200:
        return answer.json()
    told.refused[f"intake {answer.status_code}"] += 1
    if answer.status_code != 503:
        told.problems.append(f"the intake answered {answer.status_code}: {answer.text[-300:]}")
    return None


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.HTTPError:
        return 0


def _until(what: Any, seconds: float, says: str) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s in vain until {says}")
        time.sleep(0.1)


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


if __name__ == "__main__":
    sys.exit(main())
