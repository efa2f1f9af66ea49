"""Django's settings, derived from `config`. One file, read once."""

from typing import Any

from psycopg.conninfo import conninfo_to_dict

from vouchsafe.server import config

CONFIG = config.read()

VOUCHSAFE_DATA = CONFIG.data
VOUCHSAFE_LOG_AUTHORITY = CONFIG.log_authority
VOUCHSAFE_ORGANISATION = CONFIG.organisation
VOUCHSAFE_ORIGIN = CONFIG.origin
VOUCHSAFE_RP_ID = CONFIG.host
VOUCHSAFE_INTAKE_PORT = CONFIG.intake_port
VOUCHSAFE_DEMO = CONFIG.demo
VOUCHSAFE_CALENDAR = CONFIG.calendar
VOUCHSAFE_CLOCK_LIMIT_S = CONFIG.clock_limit_s

DEBUG = False
SECRET_KEY = config.secret_key(CONFIG.data)
ALLOWED_HOSTS = [CONFIG.host]
CSRF_TRUSTED_ORIGINS = [CONFIG.origin]

ROOT_URLCONF = "vouchsafe.server.urls"
WSGI_APPLICATION = "vouchsafe.server.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "vouchsafe.kernel",
    "vouchsafe.fleet",
    "vouchsafe.api",
    "ninja",
    "vouchsafe.web",
]
AUTH_USER_MODEL = "kernel.Person"
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "vouchsafe.web.middleware.SecurityHeaders",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "vouchsafe.web.context.shell",
            ]
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    parts = conninfo_to_dict(url) if url else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", ""),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": parts.pop("port", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parts,
    }


DATABASES = {"default": _database(CONFIG.database_url)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

PASSWORD_HASHERS = ["django.contrib.auth.hashers.ScryptPasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
]
CSRF_FAILURE_VIEW = "vouchsafe.web.views.common.csrf_failed"
LOGIN_URL = "/login"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CONFIG.origin.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000 if SESSION_COOKIE_SECURE else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 32 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = CONFIG.data / "static"
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 86_400  # addresses of static files carry their build
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "WARNING"},
}
