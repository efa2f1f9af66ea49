"""Exporting a record as an audit bundle, and the policy file that a reader checks it with."""

import tempfile
from pathlib import Path

from django.http import HttpResponse
from django.http.response import HttpResponseBase

from vouchsafe.bundle.errors import BundleError
from vouchsafe.fleet import bundles
from vouchsafe.kernel.errors import Refused
from vouchsafe.web.views.common import SignedIn, signed_in


@signed_in("POST")
def export(request: SignedIn, number: str) -> HttpResponseBase:
    """Make the bundle and hand it out. The export is itself logged."""
    with tempfile.TemporaryDirectory(prefix="vouchsafe-bundle-") as folder:
        try:
            made = bundles.export(number, by=request.me, at=request.now, out=Path(folder))
        except BundleError as why:
            raise Refused(f"The bundle can’t be made: {why}") from None
        data = made.path.read_bytes()
    response = HttpResponse(data, content_type="application/zip")
    response.headers["Content-Disposition"] = f'attachment; filename="{made.number}.zip"'
    response.headers["X-Bundle-SHA256"] = made.sha256
    return response


@signed_in()
def trust(request: SignedIn) -> HttpResponseBase:
    """This installation's own keys as a policy file, for `vouchsafe verify --policy`."""
    text = bundles.trust(allow=bundles.UNWITNESSED)
    response = HttpResponse(text, content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="trust.txt"'
    return response
