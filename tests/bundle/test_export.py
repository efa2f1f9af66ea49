# ruff: noqa: E402
"""From a real database, real signatures, real device evidence and real logs to a bundle that verifies elsewhere."""

import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization

django = pytest.importorskip("django")
django.setup()

from tests.bundle import checks, company
from tests.fleet import world as fleet_world
from vouchsafe.bundle import verify
from vouchsafe.fleet import bundle_device, bundles
from vouchsafe.kernel import acts, people, registry
from vouchsafe.kernel.errors import NotFound


@pytest.fixture
def firm(db: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[company.Company]:
    from django.conf import settings

    monkeypatch.setattr(settings, "VOUCHSAFE_DATA", tmp_path / "data")
    monkeypatch.setattr(registry, "processes", lambda: {"report": company.REPORT})
    monkeypatch.setattr(registry, "answers", lambda key: {})
    made = company.found(db.app_dsn, tmp_path / "data")
    try:
        yield made
    finally:
        made.fleet.intake.close()


def export(it: company.Company, out: Path) -> bytes:
    assert it.who is not None
    done = bundles.export(it.number, by=it.who["ingrid"], at=it.tick(), out=out, until=it.until)
    data = done.path.read_bytes()
    assert (done.size, done.number) == (len(data), it.number)
    return data


def trusted() -> verify.Policy:
    """The operator's own policy file, with the key that signs the test fleet's releases put in its place."""
    from django.conf import settings

    folder = Path(settings.VOUCHSAFE_DATA) / "keys" / "release"
    folder.mkdir(parents=True, exist_ok=True)
    form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    (folder / "releases.pem").write_bytes(fleet_world.RELEASE_KEY.public_key().public_bytes(*form))
    return verify.read_policy(bundles.trust(allow=bundles.UNWITNESSED).encode())


def test_the_operators_policy_names_stations_of_each_kind_and_says_what_it_cannot_name(
    firm: company.Company,
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    from vouchsafe.fleet import units

    point = ec.derive_private_key(7, ec.SECP256R1()).public_key()
    raw = point.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)
    units.add_station("line 2 + annex", alg="P-256", public=raw, at_ms=1)
    bare = verify.read_policy(bundles.trust(allow=bundles.UNWITNESSED).encode())
    assert [(key.name, key.type) for key in bare.stations] == [("kendal-line-1", 1), ("line-2---annex", 2)]
    assert bare.allowed == {"completeness", "temporal ordering", "provenance"}
    assert verify.read_policy(bundles.trust().encode()).allowed == set()
    full = trusted()
    assert full.allowed == {"completeness", "temporal ordering"}
    assert [key.name for key in full.releasers] == ["releases"]


def test_a_real_record_exports_and_verifies(firm: company.Company, tmp_path: Path) -> None:
    company.sign(firm, "ingrid", "approved")
    company.sign(firm, "marcus", "reviewed")
    data = export(firm, tmp_path)
    result = verify.check(data, trusted())
    assert [f for f in result.findings if f.verdict != verify.WORD] == []
    assert checks.verdicts(result) == {
        "provenance": verify.HOLDS,
        "integrity": verify.HOLDS,
        "non-repudiation": verify.HOLDS,
        "completeness": verify.WORD,
        "temporal ordering": verify.WORD,
    }
    assert result.exit_code == 0
    assert [(s["name"], s["meaning"]) for s in result.facts["signatures"]] == [
        ("Ingrid Solheim", "approved"),
        ("Marcus Oyelaran", "reviewed"),
    ]
    device = result.facts["devices"][0]
    assert (device["serial"], device["evidence"], device["states"]) == (
        company.SERIAL,
        5,
        "affirming on 4.1.2",
    )


def test_the_bundle_reads_without_us_and_holds_no_personal_value(
    firm: company.Company, tmp_path: Path
) -> None:
    assert firm.who is not None
    acts.attach(
        firm.number, b"a photo", name="ward.png", media_type="image/png", by=firm.who["amara"], at=firm.tick()
    )
    data = export(firm, tmp_path)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    page = files["index.html"].decode()
    assert "The pump ran at full rate" in page
    assert "<script" not in page
    assert "Content-Security-Policy" in page
    assert "T4-0311-88207" in page
    assert files["record.pdf"].startswith(b"%PDF-")
    reading = json.loads(files["record.json"])
    assert reading["devices"][0]["ticks"]
    assert {lane["name"] for lane in reading["devices"][0]["lanes"]} == {"Trust", "Firmware", "Configuration"}
    assert [name for name, body in files.items() if b"Mrs Example" in body] == []
    changes = [c for event in reading["trail"] for c in event["changes"]]
    added = next(c for c in changes if c["label"] == "Who was told, row 1")
    assert added["after"].startswith("Who was told: Ward 3; When: ")
    assert added["after"].endswith("; What they said: Personal data, not in this bundle")
    assert "datetime" not in json.dumps(reading)
    assert "files/" + reading["files"][0]["sha256"] in files
    assert files["verify.py"] == Path(verify.__file__ or "").read_bytes()


def test_the_steps_of_the_readme_work(firm: company.Company, tmp_path: Path) -> None:
    company.sign(firm, "ingrid", "approved")
    export(firm, tmp_path)
    home = tmp_path / "reader"
    home.mkdir()
    with zipfile.ZipFile(tmp_path / f"{firm.number}.zip") as archive:
        archive.extractall(home)

    def shell(command: str) -> str:
        return subprocess.run(
            ["bash", "-c", command], cwd=home, capture_output=True, text=True, check=True
        ).stdout

    assert "FAILED" not in shell("sha256sum -c SHA256SUMS")
    announced = json.loads(shell("tail -c +33 export/payload.bin"))
    assert announced["manifest"] == shell("sha256sum SHA256SUMS").split()[0]
    assert (
        json.loads((home / "export/leaf.json").read_text())["commit"]
        == shell("sha256sum export/payload.bin").split()[0]
    )
    seq = next(p.name for p in (home / "signatures").iterdir())
    challenge = shell(
        f"(printf 'vouchsafe/signature/v1\\0'; cat signatures/{seq}/statement.json) | openssl dgst -sha256 -binary | base64"
    ).strip()
    told = json.loads((home / f"signatures/{seq}/client-data.json").read_text())["challenge"]
    assert challenge.replace("+", "-").replace("/", "_").rstrip("=") == told
    (home / "trust.txt").write_text(bundles.trust(allow=bundles.UNWITNESSED))
    command = [sys.executable, "-I", "verify.py", "../" + firm.number + ".zip", "--policy", "trust.txt"]
    done = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_an_earlier_export_is_part_of_the_later_one(firm: company.Company, tmp_path: Path) -> None:
    first = verify.check(export(firm, tmp_path / "one.zip"), trusted())
    company.sign(firm, "ingrid", "approved")
    second = verify.check(export(firm, tmp_path / "two.zip"), trusted())
    assert (first.exit_code, second.exit_code) == (1, 0)  # at first nobody had signed
    assert checks.failing(first) == checks.failing(second) == set()
    again = verify.check((tmp_path / "one.zip").read_bytes(), trusted())
    assert checks.verdicts(again) == checks.verdicts(first)


def test_a_password_signature_shows_as_the_operators_word(firm: company.Company, tmp_path: Path) -> None:
    company.sign(firm, "ingrid", "approved", password=True)
    result = verify.check(export(firm, tmp_path), trusted())
    assert checks.verdicts(result)["non-repudiation"] == verify.WORD
    assert checks.failing(result) == set()


def test_a_device_that_lies_about_its_version_is_in_the_bundle_as_what_it_is(
    firm: company.Company, tmp_path: Path
) -> None:
    firm.fleet.advance(3_600_000)
    answer = firm.fleet.prove(company.SERIAL, says_version="4.2.1")
    assert "claimed_version_differs" in answer.reasons
    firm.now = max(firm.now, fleet_world.when(firm.fleet.now))
    result = verify.check(export(firm, tmp_path), trusted())
    assert checks.failing(result) == set()
    assert "warning on 4.1.2" in result.facts["devices"][0]["states"]


def test_late_lost_and_copied_evidence_is_exported_as_what_the_log_says(
    firm: company.Company, tmp_path: Path
) -> None:
    fleet = firm.fleet
    fleet.advance(3_600_000)
    early = fleet.attest(company.SERIAL)
    fleet.advance(3_600_000)
    fleet.prove(company.SERIAL)
    assert fleet.send(early)[0].result == "logged"  # late
    fleet.advance(3_600_000)
    fleet.attest(company.SERIAL)  # lost for ever
    fleet.advance(3_600_000)
    fleet.prove(company.SERIAL)
    firm.now = max(firm.now, fleet_world.when(fleet.now))
    result = verify.check(export(firm, tmp_path), trusted())
    assert [f for f in result.findings if f.verdict == verify.FAILS] == []
    assert result.facts["devices"][0]["evidence"] == 8


@pytest.mark.parametrize("walk", [50_000, 4])
def test_of_a_long_chain_the_part_around_the_event_is_taken(
    firm: company.Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, walk: int
) -> None:
    monkeypatch.setattr(bundle_device, "MAX_LINKS", 3)
    monkeypatch.setattr(bundle_device, "MAX_WALK", walk)
    monkeypatch.setattr(bundle_device, "AROUND_MS", 600_000)
    data = export(firm, tmp_path)
    result = verify.check(data, trusted())
    assert [f for f in result.findings if f.verdict == verify.FAILS] == []
    device = result.facts["devices"][0]
    assert (device["evidence"], device["serial"]) == (
        2,
        company.SERIAL,
    )  # the last before the event, the first after
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        told = json.loads(archive.read("export/payload.bin")[32:])["ranges"]
        reading = json.loads(archive.read("record.json"))
    assert [(r["first"], r["last"]) for r in told if r["log"] == "fleet/0"] == [(0, 0), (3, 4)]
    assert "Part of the device's entries is here" in reading["devices"][0]["facts"][-1]["detail"]


def test_a_device_that_never_attested_is_shown_as_unknown(firm: company.Company, tmp_path: Path) -> None:
    assert firm.who is not None
    unit = {"serial": "T4-0312-88244", "di": fleet_world.DI, "lot": "L1"}
    seen = company.revision(firm)
    changes = {"unit": unit, "event_at": fleet_world.when(fleet_world.START + 1000).isoformat()}
    acts.write(firm.number, seen=seen, by=firm.who["amara"], at=firm.tick(), changes=changes)
    data = export(firm, tmp_path)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        device = json.loads(archive.read("record.json"))["devices"][0]
    assert device["facts"][0]["title"] == "State unknown"
    assert checks.failing(verify.check(data, trusted())) == set()


def test_a_device_that_nobody_registered_is_only_written_down(firm: company.Company, tmp_path: Path) -> None:
    assert firm.who is not None
    unit = {"serial": "T9-0000-00000", "di": "", "lot": ""}
    seen = company.revision(firm)
    acts.write(firm.number, seen=seen, by=firm.who["amara"], at=firm.tick(), changes={"unit": unit})
    result = verify.check(export(firm, tmp_path), trusted())
    assert result.facts["devices"] == []
    assert checks.failing(result) == set()


def test_someone_who_may_not_read_the_record_exports_nothing(firm: company.Company, tmp_path: Path) -> None:
    stranger = people.create("eve", email="eve@fellside.example", full_name="Eve", at=firm.tick())
    with pytest.raises(NotFound):
        bundles.export(firm.number, by=stranger, at=firm.tick(), out=tmp_path, until=firm.until)
    assert not list(tmp_path.glob("*.zip"))


def test_a_record_that_moves_on_meanwhile_is_gathered_again(
    firm: company.Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gather, calls = bundles.gather, []

    def disturbed(number: str, **given: Any) -> Any:
        found = gather(number, **given)
        if not calls:
            assert firm.who is not None
            seen = company.revision(firm)
            acts.write(
                number,
                seen=seen,
                by=firm.who["amara"],
                at=given["at"],
                changes={"what": "Something else happened."},
            )
        calls.append(1)
        return found

    monkeypatch.setattr(bundles, "gather", disturbed)
    result = verify.check(export(firm, tmp_path), trusted())
    assert len(calls) == 2
    assert checks.failing(result) == set()


def test_the_default_wait_does_the_workers_part_where_no_worker_runs(
    firm: company.Company, tmp_path: Path
) -> None:
    assert firm.who is not None
    firm.checkpoint()
    done = bundles.export(firm.number, by=firm.who["ingrid"], at=firm.tick(), out=tmp_path / "here.zip")
    assert done.path == tmp_path / "here.zip"
    assert checks.failing(verify.check(done.path.read_bytes(), trusted())) == set()


def test_stored_bytes_that_are_not_those_that_were_logged_stop_the_export(
    firm: company.Company, tmp_path: Path
) -> None:
    from vouchsafe.bundle import BundleError
    from vouchsafe.fleet import db

    rows = db.rows

    def altered(sql: str, params: Any = None) -> Any:
        found = rows(sql, params)
        if "e.salt, e.body, l.ix" in sql:
            return [(*row[:3], row[3].replace(b"opened", b"0pened"), row[4]) for row in found]
        return found

    db.rows = altered
    try:
        with pytest.raises(BundleError, match="is not the one that was logged"):
            export(firm, tmp_path)
    finally:
        db.rows = rows


def test_the_command_exports_and_prints_the_policy(
    firm: company.Company, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from vouchsafe.cli import bundle as command
    from vouchsafe.cli.errors import CommandError

    monkeypatch.setattr(command, "use_installation", lambda: None)
    run = CliRunner()
    firm.checkpoint()
    out = tmp_path / "out.zip"
    done = run.invoke(command.bundle, [firm.number, "--as", "ingrid", "--out", str(out), "--json"])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    assert (said["record"], said["path"]) == (firm.number, str(out))
    trust = run.invoke(command.bundle, ["--policy"])
    as_json = run.invoke(command.bundle, ["--policy", "--json"])
    assert json.loads(as_json.stdout) == {"policy": trust.stdout}
    result = verify.check(out.read_bytes(), verify.read_policy(trust.stdout.encode()))
    assert checks.failing(result) == set()
    plain = run.invoke(command.bundle, [firm.number, "--as", "ingrid", "--out", str(out)])
    assert f"SHA-256 {verify.check(out.read_bytes(), None).sha256}" in plain.stdout
    assert plain.stderr == ""  # progress is for a terminal only
    for arguments, code in (
        (["NO-1", "--as", "ingrid"], 1),
        ([firm.number, "--as", "nobody"], 1),
        ([firm.number, "--as", "ingrid", "--out", "/proc/no/such"], 2),
    ):
        refused = run.invoke(command.bundle, arguments)
        assert isinstance(refused.exception, CommandError)
        assert refused.exception.code == code


def test_a_running_installation_is_found_by_its_data_folder(tmp_path: Path) -> None:
    from vouchsafe.cli import running
    from vouchsafe.cli.errors import CommandError

    with pytest.raises(CommandError, match="Nothing runs on"):
        running._embedded(tmp_path)
    assert running._authority(tmp_path) == ""
    cluster = tmp_path / "postgres" / "cluster"
    cluster.mkdir(parents=True)
    (cluster / "postmaster.pid").write_text("1\n/x\n2\n5432\n/run/vs-1\n\n")
    (tmp_path / "postgres" / "secrets.json").write_text('{"app": "secret", "owner": "o", "superuser": "s"}')
    assert running._embedded(tmp_path) == "postgresql://vouchsafe_app:secret@%2Frun%2Fvs-1/vouchsafe"
    (tmp_path / "logs" / "root").mkdir(parents=True)
    (tmp_path / "logs" / "root" / "checkpoint").write_text("demo.fellside.example/root\n1\n")
    assert running._authority(tmp_path) == "demo.fellside.example"
