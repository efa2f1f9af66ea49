"""Releasing a build: image digest, SBOM signed over it, reference values; rows, events, and so leaves in
`records`.

The binding of R-79: DSSE(subject = image digest, predicate = SBOM) -> `build.release` -> reference value ->
evidence whose measured digest equals it -> interval. Never by a device's word. Start with `release`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4, uuid5

from django.db import transaction

from vouchsafe.attest import reference
from vouchsafe.attest.reference import Reference, ReferenceSet
from vouchsafe.attest.verify import AppraisalPolicy
from vouchsafe.fleet import db, triage
from vouchsafe.fleet.actor import Person
from vouchsafe.fleet.clock import ms
from vouchsafe.fleet.errors import BadInput, NotFound, Refused
from vouchsafe.fleet.policies import POLICY_SUBJECT, encode_policy, parse_policy
from vouchsafe.fleet.units import model_id
from vouchsafe.kernel import files, trail
from vouchsafe.sbom import dsse, joins, statement
from vouchsafe.sbom.errors import SbomError
from vouchsafe.sbom.model import Component

MAX_NAME_CHARS = 600  # of four bytes each at most, which an index of the database takes

REFERENCES = UUID("6a5a6a9e-6a86-5f0c-a6c1-3b2a1e0d9c44")
"""Namespace of the subjects of `refval.set` events: one chain a model."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measures:
    """What a good device of this build measures: digests by name.

    `stages` are loaders and other boot stages.
    """

    configs: Mapping[str, bytes] = field(default_factory=dict)
    runtimes: Mapping[str, bytes] = field(default_factory=dict)
    stages: Sequence[bytes] = ()
    hw_models: Sequence[bytes] = ()


@dataclass(frozen=True, slots=True)
class Build:
    """A released build. `digests` are (kind, name, hex digest)."""

    id: int
    uuid: UUID
    udi_di: str
    model: str
    version: str
    svn: int
    image: str
    sbom_sha256: str
    envelope_sha256: str
    released_at: int
    components: int
    digests: tuple[tuple[str, str, str], ...]
    event: int | None


@transaction.atomic
def release(
    udi_di: str,
    *,
    version: str,
    svn: int,
    image_sha256: str,
    envelope: bytes,
    trusted: tuple[dsse.PublicKey, ...],
    measures: Measures,
    by: Person | None,
    at: datetime,
    min_svn: int | None = None,
    uuid: UUID | None = None,
) -> Build:
    """Release a build of a model. `envelope` is the DSSE statement that binds its SBOM to the image.

    If an advisory that was imported already reaches one of its components, a draft vulnerability record opens,
    as it does when the advisory comes after the build (`triage.report`).

    Raises:
        BadInput: the envelope, statement or SBOM can't be read, no trusted key signed it, or it is about
        another image. Refused: the version or the image is released already.
    """
    try:
        signed = statement.check_release(envelope, trusted, image_sha256=image_sha256)
    except SbomError as error:
        raise BadInput(
            "release statement", "an SBOM that a trusted key bound to this image", str(error)
        ) from None
    model = model_id(udi_di)
    image = bytes.fromhex(image_sha256)
    if db.one(
        "SELECT 1 FROM fleet_build WHERE image = %(i)s OR (model = %(m)s AND version = %(v)s)",
        {"i": image, "m": model, "v": version},
    ):
        raise Refused(f"Version {version} or this image is released already; a release is never changed.")
    for data in (signed.sbom_bytes, envelope):
        files.keep(data, root=files.folder())
    build_uuid = uuid or uuid4()
    build_id = _keep(udi_di, model, build_uuid, version, svn, image, signed, envelope, by, at)
    digests = [("image", version, image)]
    digests += [("config", name, digest) for name, digest in measures.configs.items()]
    digests += [("runtime", name, digest) for name, digest in measures.runtimes.items()]
    db.copy(
        "fleet_build_digest", ("build", "kind", "name", "digest"), [(build_id, *digest) for digest in digests]
    )
    add_components(build_id, signed.sbom.components)
    _extend(udi_di, str(build_uuid), version, svn, image, measures, min_svn, by, at)
    triage.report_build(build_id, by=by, at=at)
    return build(build_id)


def _keep(
    udi_di: str,
    model: int,
    uuid: UUID,
    version: str,
    svn: int,
    image: bytes,
    signed: statement.Release,
    envelope: bytes,
    by: Person | None,
    at: datetime,
) -> int:
    """The release's event and its row; gives the row's id."""
    sbom = hashlib.sha256(signed.sbom_bytes).hexdigest()
    told = hashlib.sha256(envelope).hexdigest()
    event = trail.log_subject(
        "build",
        uuid,
        "build.released",
        by=by,
        at=at,
        leaf_kind="build.release",
        body={
            "udi_di": udi_di,
            "version": version,
            "svn": svn,
            "image": image.hex(),
            "sbom": sbom,
            "statement": told,
            "components": len(signed.sbom.components),
            "signed_by": sorted(signed.key_ids),
        },
        facts={"image": image.hex(), "sbom": sbom, "statement": told, "svn": svn},
    )
    row = db.one(
        "INSERT INTO fleet_build (uuid, model, name, version, svn, image, sbom_sha256, envelope_sha256,"
        " released_at,"
        " released_by, event) SELECT %(uuid)s, m.id, m.name, %(version)s, %(svn)s, %(image)s, %(sbom)s,"
        " %(envelope)s,"
        " %(at)s, %(by)s, %(event)s FROM fleet_model m WHERE m.id = %(model)s RETURNING id",
        {
            "uuid": uuid,
            "model": model,
            "version": version,
            "svn": svn,
            "image": image,
            "sbom": bytes.fromhex(sbom),
            "envelope": bytes.fromhex(told),
            "at": ms(at),
            "by": str(by.id) if by else "installation",
            "event": event.pk,
        },
    )
    assert row is not None
    return int(row[0])


def _extend(
    udi_di: str,
    build_id: str,
    version: str,
    svn: int,
    image: bytes,
    measures: Measures,
    min_svn: int | None,
    by: Person | None,
    at: datetime,
) -> None:
    """A new reference set: the newest one and this build's values."""
    old = reference_set(udi_di)
    configs, runtimes = frozenset(measures.configs.values()), frozenset(measures.runtimes.values())
    values = reference.make(
        {**old.images, image: Reference(build_id, version, svn, configs, runtimes)},
        stages=old.stages | frozenset(measures.stages),
        hw_models=old.hw_models | frozenset(measures.hw_models),
        min_svn=old.min_svn if min_svn is None else max(old.min_svn, min_svn),
    )
    set_references(udi_di, values, by=by, at=at)


@transaction.atomic
def set_references(udi_di: str, values: ReferenceSet, *, by: Person | None, at: datetime) -> None:
    """Set a model's reference values from now on. An old verdict keeps the set that it names (trap 8).

    Raises: Refused when a value names another build than a released one of this model: a verdict must be
    able to say which build was measured.
    """
    body = reference.to_json(values)
    model = model_id(udi_di)
    released = {
        row[0] for row in db.rows("SELECT uuid::text FROM fleet_build WHERE model = %(m)s", {"m": model})
    }
    if strangers := sorted({one.build_id for one in values.images.values()} - released):
        raise Refused(
            f"“{strangers[0][:60]}” is no released build of {udi_di}; release the build, and its"
            " values are set."
        )
    event = trail.log_subject(
        "references",
        uuid5(REFERENCES, udi_di),
        "references.set",
        by=by,
        at=at,
        leaf_kind="refval.set",
        body={
            "udi_di": udi_di,
            "digest": values.digest.hex(),
            "images": len(values.images),
            "min_svn": values.min_svn,
        },
        facts={"digest": values.digest.hex(), "min_svn": values.min_svn},
    )
    db.run(
        "INSERT INTO fleet_reference_set (model, digest, body, at, event) VALUES (%(m)s, %(d)s, %(b)s,"
        " %(at)s, %(e)s)",
        {"m": model, "d": values.digest, "b": body, "at": ms(at), "e": event.pk},
    )


@transaction.atomic
def set_policy(policy: AppraisalPolicy, *, by: Person | None, at: datetime) -> None:
    """Set the appraisal policy from now on (`policy.set`)."""
    body = encode_policy(policy)
    parse_policy(body)
    digest = policy.digest()
    event = trail.log_subject(
        "policy",
        POLICY_SUBJECT,
        "policy.set",
        by=by,
        at=at,
        leaf_kind="policy.set",
        body={"policy": body.decode(), "digest": digest.hex()},
        facts={"digest": digest.hex()},
    )
    db.run(
        "INSERT INTO fleet_appraisal_policy (digest, body, at, event) VALUES (%(d)s, %(b)s, %(at)s, %(e)s)",
        {"d": digest, "b": body, "at": ms(at), "e": event.pk},
    )


def reference_set(udi_di: str) -> ReferenceSet:
    """The newest reference set of a model; an empty one when there is none."""
    found = db.one(
        "SELECT r.body, coalesce(l.ix, -1) FROM fleet_reference_set r JOIN fleet_model m ON m.id = r.model"
        " LEFT JOIN leaf_ref l ON l.event = r.event WHERE m.udi_di = %(di)s ORDER BY r.id DESC LIMIT 1",
        {"di": udi_di},
    )
    return reference.parse_json(found[0], ix=found[1]) if found else reference.make({})


def add_components(build_id: int, components: Sequence[Component]) -> None:
    """Intern components and tie them to a build. Equal (name, version, purl, cpe, source) are one row.

    A component with several package URLs is a row for each.
    """
    wanted: dict[bytes, tuple[object, ...]] = {}
    keys: dict[bytes, tuple[str, ...]] = {}
    for component in (one for named in components for one in named.by_each_url()):
        if len(component.name) > MAX_NAME_CHARS:
            raise BadInput(
                "SBOM",
                f"names of at most {MAX_NAME_CHARS} characters",
                f"{component.path}: {component.name[:60]}…",
            )
        who = component.identity()
        purl, cpe = component.purl or "", component.cpe or ""
        # Without a source as before there was one: a component that is known stays one row.
        columns = [component.name, component.version, purl, cpe, component.source]
        digest = hashlib.sha256("\0".join(columns[: 5 if component.source else 4]).encode()).digest()
        keys[digest] = joins.component_keys(component)
        ecosystem = who.pkg.removeprefix("pkg:").partition("/")[0] if who.pkg.startswith("pkg:") else ""
        wanted[digest] = (
            digest,
            joins.stored(who.pkg),
            component.name,
            component.version,
            ecosystem,
            who.coarse,
            who.release or None,
            purl,
            cpe,
            component.source,
        )
    known = {
        r[0]
        for r in db.rows("SELECT digest FROM fleet_component WHERE digest = ANY(%(d)s)", {"d": list(wanted)})
    }
    db.copy(
        "fleet_component",
        ("digest", "pkg", "name", "version", "ecosystem", "coarse", "release", "purl", "cpe", "source"),
        [row for digest, row in wanted.items() if digest not in known],
    )
    added = db.rows("SELECT digest, id FROM fleet_component WHERE digest = ANY(%(d)s)",
                    {"d": [digest for digest in wanted if digest not in known]})  # fmt: skip
    db.copy("fleet_component_key", ("component", "key"), [(id_, key) for d, id_ in added for key in keys[d]])
    db.run(
        "INSERT INTO fleet_build_component (component, build) SELECT id, %(build)s FROM fleet_component"
        " WHERE digest = ANY(%(d)s)",
        {"build": build_id, "d": list(wanted)},
    )


_BUILD = (
    "SELECT b.id, b.uuid, m.udi_di, m.name, b.version, b.svn, encode(b.image, 'hex'),"
    " encode(b.sbom_sha256, 'hex'),"
    " encode(b.envelope_sha256, 'hex'), b.released_at,"
    " (SELECT count(*) FROM fleet_build_component c WHERE c.build = b.id), b.event"
    " FROM fleet_build b JOIN fleet_model m ON m.id = b.model"
)


def build(build_id: int) -> Build:
    """Raises: NotFound."""
    found = db.one(_BUILD + " WHERE b.id = %(id)s", {"id": build_id})
    if found is None:
        raise NotFound(f"There is no build {build_id}.")
    return _build(found)


def builds(udi_di: str = "") -> tuple[Build, ...]:
    """All builds, newest release first."""
    found = db.rows(
        _BUILD + " WHERE %(di)s = '' OR m.udi_di = %(di)s ORDER BY b.released_at DESC", {"di": udi_di}
    )
    return tuple(_build(row) for row in found)


def _build(row: tuple[Any, ...]) -> Build:
    digests = db.rows(
        "SELECT kind, name, encode(digest, 'hex') FROM fleet_build_digest WHERE build = %(id)s ORDER BY"
        " kind, name",
        {"id": row[0]},
    )
    return Build(*[*row[:11], tuple(digests), row[11]])
