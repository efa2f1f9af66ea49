"""Reference sets in JSON."""

import orjson
import pytest

from tests.attest import making as m
from vouchsafe.attest import limits, reference
from vouchsafe.attest.errors import Malformed

GOOD = orjson.loads(reference.to_json(m.REFERENCE))


def test_a_set_survives_a_round_trip_and_its_digest_is_that_of_its_bytes():
    raw = reference.to_json(m.REFERENCE)
    assert reference.parse_json(raw, ix=7) == m.REFERENCE
    assert m.REFERENCE.digest == reference.hashlib.sha256(raw).digest()


def test_the_digest_does_not_depend_on_the_order_of_images():
    images = dict(reversed(m.REFERENCE.images.items()))
    assert (
        reference.make(images, stages=m.REFERENCE.stages, hw_models=m.REFERENCE.hw_models).digest
        == m.REFERENCE.digest
    )


def test_lists_that_are_left_out_are_empty():
    found = {"v": 1, "min_svn": 0, "images": [{"digest": "00" * 32, "build": "b", "version": "1", "svn": 0}]}
    parsed = reference.parse_json(orjson.dumps(found))
    assert parsed.images[bytes(32)] == reference.Reference("b", "1", 0)
    assert (parsed.stages, parsed.hw_models, parsed.ix) == (frozenset(), frozenset(), -1)


def image(**changed):
    return orjson.dumps({**GOOD, "images": [{**GOOD["images"][0], **changed}]})


def whole(**changed):
    return orjson.dumps({**GOOD, **changed})


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"{", "reference set"),
        (b"[]", "reference set"),
        (b"{}", "reference set"),
        (whole(extra=1), "reference set"),
        (whole(v=2), "reference set v"),
        (whole(min_svn=-1), "min_svn"),
        (whole(min_svn=True), "min_svn"),
        (whole(images={}), "images"),
        (whole(images=[7]), "images[0]"),
        (whole(images=[GOOD["images"][0]] * 2), "images[1].digest"),
        (image(digest="00"), "images[0].digest"),
        (image(digest="zz" * 32), "images[0].digest"),
        (image(digest="AB" * 32), "images[0].digest"),
        (image(digest=7), "images[0].digest"),
        (image(build=""), "images[0].build"),
        (image(version="x" * 256), "images[0].version"),
        (image(svn="4"), "images[0].svn"),
        (image(configs="x"), "images[0].configs"),
        (image(runtimes=["x"]), "images[0].runtimes"),
        (whole(stages=["00"]), "stages"),
        (whole(hw_models=["00" * 33]), "hw_models"),
        (b" " * (limits.MAX_REFERENCE_BYTES + 1), "reference set"),
    ],
)
def test_another_set_is_refused_at_its_place(raw, place):
    with pytest.raises(Malformed) as refused:
        reference.parse_json(raw)
    assert refused.value.place == place
