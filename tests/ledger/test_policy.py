"""Trust policies: what is accepted, and each line that is not."""

import pytest

from vouchsafe.ledger import notes, policy
from vouchsafe.ledger.checkpoints import Checkpoint
from vouchsafe.ledger.errors import Malformed, PolicyError, SignatureError
from vouchsafe.ledger.notes import COSIGNATURE_V1, Signer

LOG = Signer("log.example/a", b"a" * 32)
OLD = Signer("log.example/a", b"o" * 32)
W = [Signer(f"w{n}.example", bytes([n + 1]) * 32, COSIGNATURE_V1) for n in range(6)]
CHECKPOINT = Checkpoint("log.example/a", 7, bytes(range(32)))

LINES = [
    f"log {LOG.verifier.vkey} https://log.example/a",
    *(f"witness X{n} {W[n].verifier.vkey}" for n in range(3)),
    "group X 2 X0 X1 X2",
    *(f"witness Y{n} {W[n].verifier.vkey} https://w.example/" for n in range(3, 6)),
    "group Y any Y3 Y4 Y5",
    "group both all X Y",
    "quorum both",
]


def text(*lines):
    return "".join(f"{line}\n" for line in lines).encode()


def cosigned(*witnesses, log=LOG):
    return notes.sign(CHECKPOINT.body, log, *witnesses, time=1000)


def test_the_policy_of_two_levels_of_groups_is_met_and_not_met():
    trust = policy.parse(text("# a comment", "", "\t ", *LINES))
    accepted = trust.open(cosigned(W[0], W[2], W[4]))
    assert accepted.checkpoint == CHECKPOINT
    assert accepted.witnessed == {"X0": 1000, "X2": 1000, "Y4": 1000}
    for few in ([W[0], W[4]], [W[0], W[1], W[2]], [W[3], W[4], W[5]], []):
        with pytest.raises(PolicyError, match="quorum"):
            trust.open(cosigned(*few))


def test_groups_may_be_nested_as_deep_as_lines_reach():
    names = ["X0", *(f"g{n}" for n in range(1_990))]
    groups = [f"group {name} all {inner}" for inner, name in zip(names, names[1:], strict=False)]
    trust = policy.parse(text(LINES[0], LINES[1], *groups, f"quorum {names[-1]}"))
    assert trust.open(cosigned(W[0])).witnessed == {"X0": 1000}
    with pytest.raises(PolicyError):
        trust.open(cosigned(W[1]))


def test_a_quorum_may_be_one_witness_or_none():
    one = policy.parse(text(LINES[0], LINES[1], "quorum X0"))
    assert one.open(cosigned(W[0])).witnessed == {"X0": 1000}
    with pytest.raises(PolicyError):
        one.open(cosigned(W[1]))
    nobody = policy.parse(text(LINES[0], "quorum none"))
    assert nobody.open(cosigned()).witnessed == {}
    assert nobody == policy.of_log(LOG.verifier)


def test_a_wrong_cosignature_of_a_known_witness_rejects():
    trust = policy.parse(text(LINES[0], LINES[1], "quorum none"))
    wrong = W[0].line(b"other\n", time=5)
    with pytest.raises(SignatureError, match="known key w0.example"):
        trust.open(notes.add_lines(cosigned(), [wrong]))


def test_a_withdrawn_log_key_alone_is_rejected_and_an_old_export_still_verifies_under_the_old_policy():
    old = policy.parse(text(f"log {OLD.verifier.vkey}", "quorum none"))
    both = policy.parse(text(f"log {OLD.verifier.vkey}", f"log {LOG.verifier.vkey}", "quorum none"))
    new = policy.parse(text(f"log {LOG.verifier.vkey}", "quorum none"))
    export = cosigned(log=OLD)
    handed_over = notes.sign(CHECKPOINT.body, OLD, LOG)
    for trust in (old, both):
        trust.open(export)
    for trust in (old, both, new):
        trust.open(handed_over)
    with pytest.raises(SignatureError):
        new.open(export)


def test_names_are_octets():
    trust = policy.parse(
        LINES[0].encode() + b"\nwitness \xe2\x84\xaa " + W[0].verifier.vkey.encode() + b"\nquorum none\n"
    )
    assert list(trust.witnesses) == ["\xe2\x84\xaa"]


K = LINES[0]
X = LINES[1]


@pytest.mark.parametrize(
    ("data", "place", "expected"),
    [
        (b"quorum none", "policy", "a newline at the end"),
        (b"quorum none\r\n", "policy byte 11", "no control character"),
        (b"quorum \x7f\n", "policy byte 7", "no control character"),
        (b"x" * 262_145, "policy", "at most 262144 bytes"),
        (b"\n" * 2_001, "policy", "at most 2000 lines"),
        (b"", "policy", "exactly one quorum line"),
        (text("trust me"), "policy line 1", "log, witness"),
        (text("log"), "policy line 1", "log <vkey>"),
        (text("log a b c"), "policy line 1", "log <vkey>"),
        (text("log abc"), "policy line 1", "<name>+<key id>"),
        (b"log \xff\n", "policy line 1", "a vkey in UTF-8"),
        (text(K, K), "policy line 2", "a log key not listed"),
        (text(f"witness a {LOG.verifier.vkey}"), "policy line 1", "a witness key of type 4"),
        (text(X, X.replace("X0", "other")), "policy line 2", "a witness key not listed"),
        (text(X, LINES[2].replace("X1", "X0")), "policy line 2", "a name not yet taken"),
        (text(X.replace("X0", "none")), "policy line 1", "a name not yet taken"),
        (text(X, "group g any X0", "group g any X0"), "policy line 3", "a name not yet taken"),
        (text("group g any"), "policy line 1", "group <name>"),
        (text("group g any X0"), "policy line 1", "a witness or group defined above"),
        (text(X, "group g any none"), "policy line 2", "a witness or group defined above"),
        (text(X, "group g all X0 X0"), "policy line 2", "each name as a member"),
        (text(X, "group g 0 X0"), "policy line 2", "a number, any or all"),
        (text(X, "group g 2 X0"), "policy line 2", "a threshold of 1..1"),
        (text(X, "group g 01 X0"), "policy line 2", "a number, any or all"),
        (text(X, "group g most X0"), "policy line 2", "a number, any or all"),
        (text("quorum X0"), "policy line 1", "a witness or group defined above"),
        (text("quorum none", "quorum none"), "policy line 2", "exactly one quorum line"),
        (text("quorum"), "policy line 1", "quorum <name|none>"),
    ],
)
def test_each_broken_line_is_named(data, place, expected):
    with pytest.raises(Malformed) as caught:
        policy.parse(data)
    assert caught.value.place == place
    assert caught.value.expected.startswith(expected)
