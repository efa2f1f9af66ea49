"""Django's name for the pages."""

from django.apps import AppConfig


class WebConfig(AppConfig):
    """The web shell. It has no tables."""

    name = "vouchsafe.web"
    label = "web"
