"""The page at /api/docs: ninja's own Swagger page under a content policy that fits it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import NinjaAPI, Swagger

# As on every other page, but for data: images: Swagger UI's arrows and locks are in its style sheet as such. The
# page shows nothing that a visitor or a device sent, so such an image can only be Swagger's own.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)


class Document(Swagger):
    """Swagger UI from this server's own files; no other host is asked."""

    def render_page(self, request: HttpRequest, api: NinjaAPI, **kwargs: Any) -> HttpResponse:
        response = super().render_page(request, api, **kwargs)
        response.headers["Content-Security-Policy"] = POLICY
        return response
