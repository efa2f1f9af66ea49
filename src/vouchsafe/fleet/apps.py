"""The fleet's Django application: it brings tables by migration and has no models."""

from django.apps import AppConfig


class FleetConfig(AppConfig):
    """Devices, builds, evidence and populations."""

    name = "vouchsafe.fleet"
    label = "fleet"
    verbose_name = "Fleet"
