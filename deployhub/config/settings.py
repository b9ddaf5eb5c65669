"""Settings. Everything that differs between installations comes from the environment (config/environment.py)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from deployhub import __version__
from deployhub.config.environment import (
    BASE_DIR,
    blob_storage,
    database,
    env,
    env_flag,
    env_int,
    home,
    secret_key,
)

DEPLOYHUB_HOME = home()
DEPLOYHUB_HOME.mkdir(parents=True, exist_ok=True)
DEPLOYHUB_WORK_ROOT = Path(env("DEPLOYHUB_WORK_ROOT", str(DEPLOYHUB_HOME / "work")))
DEPLOYHUB_UPLOAD_ROOT = Path(env("DEPLOYHUB_UPLOAD_ROOT", str(DEPLOYHUB_HOME / "uploads")))
DEPLOYHUB_TOOLCHAINS_ROOT = Path(env("DEPLOYHUB_TOOLCHAINS_ROOT", str(DEPLOYHUB_HOME / "toolchains")))
DEPLOYHUB_WHEELS = env("DEPLOYHUB_WHEELS")
DEPLOYHUB_PROXY_COUNT = env_int("DEPLOYHUB_PROXY_COUNT", 0)
DEPLOYHUB_INSTANCE_NAME = env("DEPLOYHUB_INSTANCE_NAME", "DeployHub")
DEPLOYHUB_METRICS_TOKEN = env("DEPLOYHUB_METRICS_TOKEN")
DEPLOYHUB_AUDIT_KEY = env("DEPLOYHUB_AUDIT_KEY")
DEPLOYHUB_CERTIFICATE_KEY = env("DEPLOYHUB_CERTIFICATE_KEY")
DEPLOYHUB_AUDIT_WITNESS_FILE = env(
    "DEPLOYHUB_AUDIT_WITNESS_FILE", str(DEPLOYHUB_HOME / "witness" / "checkpoints.jsonl")
)
DEPLOYHUB_AUDIT_SYSLOG = env("DEPLOYHUB_AUDIT_SYSLOG")
DEPLOYHUB_AUDIT_WEBHOOK = env("DEPLOYHUB_AUDIT_WEBHOOK")
DEPLOYHUB_AUDIT_WEBHOOK_SECRET = env("DEPLOYHUB_AUDIT_WEBHOOK_SECRET")
DEPLOYHUB_TLS_CERT = env("DEPLOYHUB_TLS_CERT")
DEPLOYHUB_REDIS_URL = env("REDIS_URL", "redis://127.0.0.1:6379/0")

SECRET_KEY = secret_key(DEPLOYHUB_HOME)
SECRET_KEY_FALLBACKS = [key for key in env("DEPLOYHUB_SECRET_KEY_FALLBACKS").split(",") if key]
DEBUG = env_flag("DEPLOYHUB_DEBUG")
_ORIGIN = env("DEPLOYHUB_ORIGIN", "http://127.0.0.1:8000")
DEPLOYHUB_ORIGIN = _ORIGIN.rstrip("/")
_places = env("DEPLOYHUB_PLACES_FILE")
DEPLOYHUB_PLACES_FILE = Path(_places) if _places else None
_breached = env("DEPLOYHUB_BREACHED_PASSWORDS")
DEPLOYHUB_BREACHED_PASSWORDS = Path(_breached) if _breached else None
EMAIL_HOST = env("DEPLOYHUB_EMAIL_HOST")
EMAIL_PORT = env_int("DEPLOYHUB_EMAIL_PORT", 587)
EMAIL_HOST_USER = env("DEPLOYHUB_EMAIL_USER")
EMAIL_HOST_PASSWORD = env("DEPLOYHUB_EMAIL_PASSWORD")
EMAIL_USE_TLS = env_flag("DEPLOYHUB_EMAIL_STARTTLS", default=True)
EMAIL_USE_SSL = env_flag("DEPLOYHUB_EMAIL_TLS")
EMAIL_TIMEOUT = 20
if EMAIL_USE_SSL:
    EMAIL_USE_TLS = False
DEFAULT_FROM_EMAIL = env("DEPLOYHUB_EMAIL_FROM", f"deployhub@{urlsplit(_ORIGIN).hostname}")
_TLS = urlsplit(_ORIGIN).scheme == "https"
ALLOWED_HOSTS = [
    host
    for host in env(
        "DEPLOYHUB_ALLOWED_HOSTS", f"{urlsplit(_ORIGIN).hostname},localhost,127.0.0.1,[::1]"
    ).split(",")
    if host
]
CSRF_TRUSTED_ORIGINS = [_ORIGIN]

INSTALLED_APPS = [
    "deployhub.config.apps.StaticFilesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django_cotton",
    "django_filters",
    "django_htmx",
    "django_otp",
    "django_prometheus",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "deployhub.audit",
    "deployhub.access",
    "deployhub.doors",
    "deployhub.jobs",
    "deployhub.accounts",
    "deployhub.registry",
    "deployhub.toolchains",
    "deployhub.certification",
    "deployhub.conversion",
    "deployhub.review",
    "deployhub.portal",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "deployhub.doors.headers.HeadersMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "deployhub.doors.middleware.RequestMiddleware",
    "deployhub.doors.headers.CrossSiteMiddleware",
    "deployhub.accounts.middleware.SessionLifeMiddleware",
    "deployhub.accounts.middleware.FirstStepsMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

ROOT_URLCONF = "deployhub.config.urls"
ASGI_APPLICATION = "deployhub.config.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "deployhub.portal.templatetags.say"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "deployhub.portal.context.shell",
            ],
        },
    }
]
COTTON_DIR = "components"

DATABASES = {"default": database(DEPLOYHUB_HOME)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
"""In the process: losing the broker must cost latency only, so nothing but wake-ups goes through it."""

STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "blobs": blob_storage(DEPLOYHUB_HOME),
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(env("DEPLOYHUB_STATIC_ROOT", str(DEPLOYHUB_HOME / "static")))
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_USE_FINDERS = not STATIC_ROOT.exists()
if WHITENOISE_USE_FINDERS:
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "deployhub.accounts.password_strength.GuessableValidator"},
]
LOGIN_URL = "accounts:sign-in"
SESSION_ENGINE = "deployhub.accounts.session_store"
SESSION_COOKIE_AGE = int(
    timedelta(days=7).total_seconds()
)  # the longest life that the security policy may give
SESSION_COOKIE_NAME = "__Host-session" if _TLS else "deployhub_session"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_NAME = "__Host-csrf" if _TLS else "deployhub_csrf"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _TLS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "deployhub.doors.faces.csrf_failure"
OTP_TOTP_ISSUER = DEPLOYHUB_INSTANCE_NAME

SECURE_SSL_REDIRECT = _TLS and env_flag("DEPLOYHUB_TLS_REDIRECT", default=True)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _TLS
SECURE_HSTS_PRELOAD = _TLS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if DEPLOYHUB_PROXY_COUNT else None
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
        "manifest-src": ["'self'"],
        "object-src": ["'none'"],
        **({"upgrade-insecure-requests": True} if _TLS else {}),
    }
}

FILE_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024**2
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024**2
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "deployhub.accounts.authentication.TokenAuthentication",
        "deployhub.accounts.authentication.BrowserSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": [],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "deployhub.doors.keyset.KeysetPagination",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    # ?format= is a filter of ours (onnx, openvino), not a choice of renderer.
    "URL_FORMAT_OVERRIDE": None,
    "EXCEPTION_HANDLER": "deployhub.doors.api.problem_handler",
    "DEFAULT_THROTTLE_CLASSES": ["deployhub.accounts.throttling.ActorThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "actor": env("DEPLOYHUB_API_RATE", "1200/min"),
        "anonymous": env("DEPLOYHUB_ANONYMOUS_RATE", "60/min"),
    },
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "COERCE_DECIMAL_TO_STRING": False,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "DeployHub API",
    "DESCRIPTION": "Register trained models, export them to where they run, and fetch what was proven.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/api/v[0-9]+",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "deployhub.doors.description.problems_describe",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "JobStateEnum": "deployhub.jobs.vocab.JobState",
        "VersionStateEnum": "deployhub.registry.vocab.VersionState",
        "DatasetStateEnum": "deployhub.registry.vocab.DatasetState",
        "DatasetSeverityEnum": "deployhub.registry.vocab.DatasetSeverity",
        "TaskEnum": "deployhub.registry.vocab.Task",
        "ProofEnum": "deployhub.registry.vocab.Proof",
        "SeverityEnum": "deployhub.review.watch.vocab.Severity",
        "FindingStateEnum": "deployhub.review.watch.vocab.FindingState",
        "CertificateOutcomeEnum": "deployhub.registry.vocab.CertificateOutcome",
        "VerdictEnum": "deployhub.review.watch.vocab.Verdict",
        "AccountKindEnum": "deployhub.accounts.vocab.AccountKind",
        "MappedRoleEnum": "deployhub.accounts.models.federation.MAPPED_ROLES",
        "RequestStateEnum": "deployhub.access.vocab.RequestState",
    },
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        # A name that is not ours is answered with 400, which django.request tells in one line; no stack trace besides.
        "django.security.DisallowedHost": {"handlers": [], "propagate": False},
        "httpx": {"level": "WARNING"},
    },
}
PROMETHEUS_METRIC_NAMESPACE = "deployhub"
SILENCED_SYSTEM_CHECKS = (
    []
    if _TLS
    else [
        "security.W004",  # HSTS is on where the origin is https; loopback over http has none (docs/operations.md)
        "security.W008",  # likewise the redirect to TLS
        "security.W012",  # likewise the secure session cookie
        "security.W016",  # likewise the secure CSRF cookie
    ]
)
