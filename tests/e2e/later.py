"""The waiting period of a CAPA has passed, and those whose turn it is finish it: run with the installation's own database.

No rule lets the period be shorter than a day, and no page takes a time from its reader. So this part of the story calls
the acts themselves, as a test of the kernel does, and passes in the time at which they happen: as many days later as the
command line says. Passkeys are made in software for it; the server checks them as it checks all others.

    python -m tests.e2e.later CAPA-2026-0002 2 http://localhost:8000
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import django


def main(number: str, days: int, origin: str) -> int:
    django.setup()
    from tests.kernel.authenticator import Authenticator
    from vouchsafe.kernel import acts, people, queries
    from vouchsafe.kernel.errors import Denied, Refused

    now = datetime.now(UTC)
    later = now + timedelta(days=days)
    told: dict[str, Any] = {"early": [], "refused": []}
    told["early"] = [step for done, step in acts.system_steps(now) if done == number]
    told["moved"] = [step for done, step in acts.system_steps(later) if done == number]
    at = later

    def sign(username: str, step: str, meaning: str, **changes: Any) -> None:
        nonlocal at
        at += timedelta(minutes=1)
        person = people.find(username)
        key = Authenticator(origin=origin)
        key.register(person, at=at)
        seen = queries.record(number, person, now=at).revision
        begun = acts.begin_signing(
            number, step, meaning, seen=seen, by=person, at=at, changes=changes or None
        )
        acts.sign(begun.id, by=person, at=at, assertion=key.get(begun.options))

    def refused(username: str, step: str, meaning: str, **changes: Any) -> None:
        try:
            sign(username, step, meaning, **changes)
        except (Denied, Refused) as why:
            told["refused"].append(str(why))

    refused("ingrid.solheim", "confirm", "effectiveness_confirmed")
    refused("elin.backhouse", "confirm", "effectiveness_confirmed")
    sign("elin.backhouse", "confirm", "effectiveness_confirmed", **_results(number, at))
    refused("henrik.vale", "close", "closed")
    owner = people.find("marcus.oyelaran")
    at += timedelta(minutes=1)
    seen = queries.record(number, owner, now=at).revision
    acts.write(number, seen=seen, by=owner, at=at, changes=_closing(number, at))
    refused("elin.backhouse", "close", "closed")
    sign("henrik.vale", "close", "closed")
    told["state"] = queries.record(number, owner, now=at).state
    json.dump(told, sys.stdout)
    return 0


def _evidence(number: str, reference: str, username: str, at: datetime) -> dict[str, str]:
    """The four parts, with the file kept beside the record."""
    from vouchsafe.kernel import acts, people

    person = people.find(username)
    name = f"{reference}.txt"
    sha256 = acts.attach(number, reference.encode(), name=name, media_type="text/plain", by=person, at=at)
    return {"reference": reference, "sha256": sha256, "by": person.id.hex, "on": at.date().isoformat()}


def _results(number: str, at: datetime) -> dict[str, Any]:
    return {
        "measured": "0",
        "sample_seen": "60",
        "results": "No restart on 60 pumps in the period",
        "results_data": _evidence(number, "FLEET-9", "elin.backhouse", at),
    }


def _closing(number: str, at: datetime) -> dict[str, Any]:
    from vouchsafe.processes.capa.content import Party, Topic

    return {
        "answers": [
            {
                "topic": topic,
                "answer": f"Brought up to date: {topic}",
                "evidence": _evidence(number, f"A-{topic}", "ingrid.solheim", at),
            }
            for topic in Topic
        ],
        "notices": [
            {
                "party": party,
                "asked": "not_needed",
                "why": "No serious risk remains, MDR Art. 83(4)",
                "evidence": _evidence(number, f"N-{party}", "ingrid.solheim", at),
            }
            for party in Party
        ],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
