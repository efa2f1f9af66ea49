"""The web application as a WSGI callable."""

import os
from importlib import import_module

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vouchsafe.server.settings")
application = get_wsgi_application()

# Django would load the addresses, and with them most of the code, on the first request of each worker. gunicorn
# loads this module once and forks (--preload): so it is done once, before anybody waits.
import_module("vouchsafe.server.urls")
