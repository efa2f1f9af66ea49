"""What the intake does when something that it stands on is wrong or away: it never answers 500."""

import io

import pytest

from tests.fleet.world import World, when
from vouchsafe.attest import batch
from vouchsafe.fleet import releases
from vouchsafe.fleet.intake_app import Door

A = "T4-0311-88207"


def test_reference_values_may_name_only_a_released_build(world: World) -> None:
    from vouchsafe.agent import images
    from vouchsafe.fleet.errors import Refused

    before = world.sql("SELECT count(*) FROM fleet_reference_set")
    with pytest.raises(Refused, match="no released build"):
        releases.set_references(
            "05060912340019", images.reference_set(images.DEMO_BUILDS), by=None, at=when(world.now)
        )
    assert world.sql("SELECT count(*) FROM fleet_reference_set") == before
    assert world.prove(A).result == "logged"


def test_a_lost_database_is_answered_with_503_and_the_process_is_told_to_end(world: World) -> None:
    """The sender repeats what wasn't acknowledged, and finds it logged once."""
    ended: list[bool] = []
    door = Door(world.intake, lambda: world.now, lost=lambda: ended.append(True))
    body = batch.encode([world.attest(A)])
    world.intake.conn.close()
    world.intake._head_conn.close()
    environ = {
        "REQUEST_METHOD": "POST", "PATH_INFO": "/v1/evidence", "CONTENT_LENGTH": str(len(body)),
        "HTTP_AUTHORIZATION": f"Bearer {world.token}", "wsgi.input": io.BytesIO(body),
    }  # fmt: skip
    told: list[str] = []
    list(door(environ, lambda status, headers: told.append(status)))
    assert told == ["503 Service Unavailable"] and ended == [True]
