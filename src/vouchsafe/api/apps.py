"""The app of the API's tokens."""

from django.apps import AppConfig


class ApiConfig(AppConfig):
    """Tokens; everything else of the API has no table."""

    name = "vouchsafe.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"
