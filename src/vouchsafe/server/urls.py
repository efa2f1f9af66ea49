"""All addresses: the pages, and the API beside them."""

from django.urls import include, path

urlpatterns = [
    path("", include("vouchsafe.web.urls")),
]
