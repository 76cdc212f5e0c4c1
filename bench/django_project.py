"""What the peers made with Django have in common: a project as `django-admin startproject` makes it, in this process."""

import re
from collections.abc import Sequence
from typing import Any

import django
from django.conf import settings
from psycopg.conninfo import conninfo_to_dict

from config import ROOT

ON = "django.contrib"


def engine(url: str) -> dict[str, Any]:
    """A database as Django's settings name it, its connection kept open, which Django does not do unless told to."""
    if url.startswith("sqlite"):
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": url.removeprefix("sqlite:///"), "CONN_MAX_AGE": None}
    parts = conninfo_to_dict(url)
    where = {"NAME": parts["dbname"], "USER": parts.get("user", ""), "HOST": parts.get("host", ""), "PASSWORD": parts.get("password", "")}
    return {"ENGINE": "django.db.backends.postgresql", "CONN_MAX_AGE": None, "PORT": parts.get("port", ""), **where}


def set_up(url: str, urlconf: str, *apps: str, middleware: Sequence[str] = (), context: Sequence[str] = (), **more: Any) -> None:
    """Django over the database at `url` with this module's pages, what every project has, and these applications."""
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=urlconf,
        USE_TZ=True,
        STATIC_URL="/static/",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": engine(url)},
        INSTALLED_APPS=[*(f"{ON}.{name}" for name in ("auth", "contenttypes", "sessions", "messages", "staticfiles")), *apps],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            f"{ON}.sessions.middleware.SessionMiddleware",
            *middleware,
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            f"{ON}.auth.middleware.AuthenticationMiddleware",
            f"{ON}.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [ROOT / "bench"],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        f"{ON}.auth.context_processors.auth",
                        f"{ON}.messages.context_processors.messages",
                        *context,
                    ]
                },
            }
        ],
        **more,
    )
    django.setup()


def application() -> Any:
    """The project as a WSGI application."""
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def cookie(user: Any) -> str:
    """What the browser of somebody signed in sends."""
    from django.test import Client

    client = Client()
    client.force_login(user)
    return f"sessionid={client.cookies['sessionid'].value}"


def table(module: str, name: str, /, *bases: Any, **columns: Any) -> Any:
    """A model over one of the product's tables."""
    from django.db import models

    meta = type("Meta", (), {"app_label": "peer", "db_table": re.sub("(?<!^)(?=[A-Z])", "_", name).lower(), "managed": False})
    first = next(iter(columns))
    said = {"__module__": module, "Meta": meta, "__str__": lambda self: str(getattr(self, first))}
    return type(name, bases or (models.Model,), said | columns)
