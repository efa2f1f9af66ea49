"""All addresses: the pages, and the API beside them."""

from django.urls import include, path

from vouchsafe.api.app import api

urlpatterns = [
    path("api/", api.urls),
    path("", include("vouchsafe.web.urls")),
]
