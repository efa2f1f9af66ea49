"""Audit bundles: making one of a record, verifying one, and the policy file to verify with."""

import tempfile
from datetime import UTC, datetime
from pathlib import Path as Folder
from typing import Annotated, Any

from django.http import HttpRequest, HttpResponse
from ninja import File, Path, Router
from ninja.files import UploadedFile

from vouchsafe.api import log_schemas as g
from vouchsafe.api import schemas as s
from vouchsafe.api.auth import caller, requires
from vouchsafe.api.errors import REFUSALS
from vouchsafe.bundle import verify
from vouchsafe.bundle.errors import BundleError
from vouchsafe.fleet import bundles
from vouchsafe.fleet.errors import TooLarge
from vouchsafe.kernel.errors import BadInput, Refused

router = Router(tags=["bundles"])
Numbered = Annotated[s.Number, Path()]
MAX_BUNDLE_BYTES = 64 * 1024 * 1024

_ZIP = {
    "responses": {
        200: {
            "description": "the bundle",
            "headers": {"X-Bundle-SHA256": {"schema": {"type": "string"}}},
            "content": {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}


@router.post("/records/{number}/bundle", response=REFUSALS, openapi_extra=_ZIP)
@requires("records:write")
def bundle(request: HttpRequest, number: Numbered) -> Any:
    """Export a record that you may read as an audit bundle. The export is an event of the record, and logged."""
    with tempfile.TemporaryDirectory(prefix="vouchsafe-bundle-") as folder:
        try:
            made = bundles.export(number, by=caller(request), at=datetime.now(UTC), out=Folder(folder))
        except BundleError as why:
            raise Refused(f"The bundle can’t be made: {why}") from None
        data = made.path.read_bytes()
    response = HttpResponse(data, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{made.number}.zip"'
    response.headers["X-Bundle-SHA256"] = made.sha256
    return response


_POLICY = {
    "responses": {
        200: {
            "description": "a policy file for `vouchsafe verify --policy`",
            "content": {"text/plain": {"schema": {"type": "string"}}},
        }
    }
}


@router.get("/trust", response=REFUSALS, openapi_extra=_POLICY)
@requires("logs:read")
def trust(request: HttpRequest) -> Any:
    """This installation's own keys as a policy file, to be handed to an auditor apart from any bundle."""
    return HttpResponse(bundles.trust(allow=bundles.UNWITNESSED), content_type="text/plain; charset=utf-8")


@router.post("/bundles/verification", response={200: g.VerificationOut, **REFUSALS})
@requires("logs:read")
def verification(
    request: HttpRequest,
    bundle: Annotated[UploadedFile, File(description="the zip, at most 64 MiB")],
    policy: Annotated[
        UploadedFile | None, File(description="whom you trust; without it, this installation's own keys")
    ] = None,
) -> Any:
    """Verify a bundle: five properties, a verdict each. It is read in memory and not kept."""
    for name, upload, most in (
        ("bundle", bundle, MAX_BUNDLE_BYTES),
        ("policy", policy, verify.MAX_POLICY_BYTES),
    ):
        if upload is not None and (upload.size or 0) > most:
            raise TooLarge(f"The {name} has {upload.size} bytes; expected at most {most}.")
    own = bundles.trust(allow=bundles.UNWITNESSED).encode() if policy is None else policy.read()
    try:
        return verify.as_json(verify.check(bundle.read(), verify.read_policy(own)))
    except verify.Unreadable as why:
        raise BadInput(why.place, why.expected, why.got) from None
