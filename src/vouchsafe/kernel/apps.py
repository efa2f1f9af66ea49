"""The kernel as a Django application."""

from django.apps import AppConfig


class KernelConfig(AppConfig):
    """Tables of people, records and their history."""

    name = "vouchsafe.kernel"
    label = "kernel"
    verbose_name = "Records"
    default_auto_field = "django.db.models.BigAutoField"
