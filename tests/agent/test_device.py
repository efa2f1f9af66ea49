"""A device's evidence is affirmed, and each thing that happens to it shows."""

from vouchsafe.agent import images
from vouchsafe.agent.device import Device
from vouchsafe.agent.signer import Ed25519Signer, P256Signer
from vouchsafe.attest import devicelog, keys, verify

NOW_MS = 1_766_361_600_000
NONCE = bytes(range(32))
POLICY = verify.AppraisalPolicy({NONCE: verify.NonceBounds(NOW_MS)})
OLD, NEW = images.DEMO_BUILDS
REFERENCE = images.reference_set(images.DEMO_BUILDS)


class Bench:
    """One device and the register's view of it."""

    def __init__(self, signer):
        self.device = Device.new(signer, images.TARN4, OLD.firmware, OLD.configs["adult"], NOW_MS)
        self.key = keys.record(signer.alg, signer.public, origin="software", assurance="low")
        self.prior = None
        self.now = NOW_MS

    def attest(self, **said):
        self.now += 1000
        return self.judge(self.device.attest(self.now, NONCE, **said))

    def judge(self, item):
        verdict = verify.check(
            item.evidence,
            key=self.key,
            prior=self.prior,
            reference=REFERENCE,
            policy=POLICY,
            at_ms=self.now,
            log=item.log,
        )
        self.prior = verdict.prior
        return verdict


def bench(kind=Ed25519Signer):
    return Bench(kind(b"d" * 32))


def test_evidence_follows_evidence_and_is_affirmed():
    for kind in (Ed25519Signer, P256Signer):
        one = bench(kind)
        for _ in range(20):
            verdict = one.attest()
            assert (verdict.tier, verdict.codes(), verdict.version) == (2, (), "4.1.2")


def test_an_update_shows_in_the_measurement_and_in_the_log():
    one = bench()
    one.attest()
    one.device.update(NEW.firmware, one.now)
    item = one.device.attest(one.now, NONCE)
    kinds = [devicelog.parse_entry(raw).kind for raw in item.log.entries]
    assert kinds == [devicelog.UPDATED, devicelog.BOOTED, devicelog.CONFIGURED, devicelog.ATTESTED]
    verdict = one.judge(item)
    assert (verdict.version, verdict.tier, verdict.claims.bootcount) == ("4.2.1", 2, 2)


def test_a_rollback_is_a_warning():
    one = bench()
    one.device.update(NEW.firmware, one.now)
    one.attest()
    one.device.update(OLD.firmware, one.now)
    verdict = one.attest()
    assert (verdict.version, verdict.codes()) == ("4.1.2", ("svn_went_back",))


def test_a_changed_configuration_is_a_warning_until_it_is_put_right():
    one = bench()
    one.device.configure(images.config_digest("ward override"), one.now)
    assert one.attest().codes() == ("configuration_not_approved",)
    one.device.configure(OLD.configs["paediatric"], one.now)
    assert one.attest().codes() == ()


def test_a_restart_from_stored_state_goes_on():
    one = bench()
    one.attest()
    one.device.boot(one.now)
    one.device = Device(one.device.signer, images.TARN4, one.device.state())
    assert one.attest().codes() == ()


def test_an_older_state_put_back_is_found():
    one = bench()
    one.attest()
    kept = one.device.state()
    one.attest()
    one.attest()
    one.device = Device(one.device.signer, images.TARN4, kept)
    verdict = one.attest()
    assert verdict.tier == 96
    assert "counter_not_advancing" in verdict.codes()


def test_a_clock_before_1970_does_not_stop_a_device():
    one = bench()
    one.attest()
    assert one.judge(one.device.attest(-5, NONCE)).codes() == ("clock_outside_bounds",)


def test_images_of_the_simulation_are_fixed_bytes():
    """Releases bind SBOMs to these digests: they never change."""
    assert images.hashlib.sha256(images.image("4.1.2")).digest() == OLD.firmware.image_sha256
    assert len(images.image("4.1.2")) == images.IMAGE_BYTES
    assert (
        OLD.firmware.image_sha256.hex() == "5f2862c5b2d92ca4359ffdc78243c20fee273cec4f722332b00057bfe23b825b"
    )
    assert (
        NEW.firmware.image_sha256.hex() == "9c945e965e7be15c89bae402aeef0f76cceaf564f2a8724bf8a927e5d1791d5d"
    )
