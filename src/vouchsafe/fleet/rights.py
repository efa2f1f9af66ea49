"""Who may do what with advisories and populations.

Reading the fleet needs only to be somebody here. `impact.import_advisory` asks by itself; `population` asks for
nothing, so the pages and the API do.
"""

from datetime import datetime

from vouchsafe.fleet.actor import Person
from vouchsafe.kernel import permit
from vouchsafe.kernel.declare import roles_of
from vouchsafe.kernel.errors import Denied, Refused
from vouchsafe.kernel.registry import processes
from vouchsafe.kernel.views import RecordView

_VULNERABILITY = "vulnerability"


def require_importer(by: Person, *, at: datetime) -> None:
    """Raise Denied unless `by` may open a vulnerability record: who may do that may import what it
    is about.
    """
    names = roles_of(processes()[_VULNERABILITY].opened_by)
    if not permit.roles(by, at=at, process=_VULNERABILITY) & set(names):
        raise permit.denied("import an advisory", names, at=at, process=_VULNERABILITY)


def takes_part(record: RecordView, by: Person) -> bool:
    """Whether `by` has something to do in the record: owns it, may write in it, or may take a step."""
    owns = record.owner is not None and record.owner.id == by.id.hex
    return not record.void and (owns or bool(record.writable) or any(step.may for step in record.steps))


def require_part_in_action(record: RecordView, by: Person, what: str) -> None:
    """Raise unless the record is a field action that `by` takes part in: only those have a population.

    Raises: Refused, Denied.
    """
    if record.process.key != "field_action":
        raise Refused(f"{record.number} is no field action; only a field action has a population.")
    if takes_part(record, by):
        return
    names = sorted({name for step in record.process.steps_from(record.state) for name in roles_of(step.by)})
    holders = sorted({name for step in record.steps for name in step.holders})
    told = f" {', '.join(holders[:3])} can." if holders else ""
    raise Denied(
        f"You have no part in {record.number} where it stands, so you can’t {what}.{told}",
        roles=names,
        holders=holders,
    )
