"""All addresses: the pages, and the API beside them."""

from django.urls import include, path

from vouchsafe.api.app import api

urlpatterns = [
    path("api/", api.urls),
    path("", include("vouchsafe.web.urls")),
]

handler400 = "vouchsafe.web.views.common.bad_request"
handler403 = "vouchsafe.web.views.common.forbidden"
handler404 = "vouchsafe.web.views.common.not_found"
handler500 = "vouchsafe.web.views.common.broken"
