"""The peer: Django's admin over the same account table, as its documentation shows it, in this process."""

from pathlib import Path
from typing import Any

import django
from django.apps import AppConfig
from django.conf import settings
from django.urls import path as route

urlpatterns: list[Any] = []
ON = "django.contrib"


class Peer(AppConfig):
    name = "bench.django_admin"
    label = "peer"
    verbose_name = "Accounts"


def create(data: dict[str, Path], own: Path, *, columns: tuple[str, ...], search: tuple[str, ...], page: int) -> tuple[Any, str]:
    """A WSGI application with two admins over each of `data` (a name for each database file), and the cookie of a superuser.

    `/<name>/` is the admin with its defaults, `/<name>-uncounted/` does not count all rows (show_full_result_count=False, and
    nothing else). Its own tables are in the file `own`. Connections are kept open, which Django does not do unless told to.
    """
    engine = {"ENGINE": "django.db.backends.sqlite3", "CONN_MAX_AGE": None}
    settings.configure(
        SECRET_KEY="x" * 50,
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF=__name__,
        USE_TZ=True,
        STATIC_URL="/static/",
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        DATABASES={"default": {**engine, "NAME": str(own)}} | {name: {**engine, "NAME": str(file)} for name, file in data.items()},
        INSTALLED_APPS=[f"{ON}.{app}" for app in ("admin", "auth", "contenttypes", "sessions", "messages", "staticfiles")]
        + [f"{__name__}.Peer"],
        MIDDLEWARE=[
            "django.middleware.security.SecurityMiddleware",
            f"{ON}.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            f"{ON}.auth.middleware.AuthenticationMiddleware",
            f"{ON}.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        f"{ON}.auth.context_processors.auth",
                        f"{ON}.messages.context_processors.messages",
                    ]
                },
            }
        ],
    )
    django.setup()
    _admins(list(data), columns, search, page)
    return _application(), f"sessionid={_superuser()}"


def _admins(names: list[str], columns: tuple[str, ...], search: tuple[str, ...], page: int) -> None:
    from django.contrib import admin
    from django.db import models

    class Organisation(models.Model):
        name = models.CharField(max_length=120)

        class Meta:
            app_label, db_table, managed = "peer", "organisation", False

        def __str__(self) -> str:
            return self.name

    class Account(models.Model):
        organisation = models.ForeignKey(Organisation, models.DO_NOTHING)
        name = models.CharField(max_length=200)
        email = models.CharField(max_length=254)
        phone = models.CharField(max_length=20)
        person_type = models.CharField(max_length=10)
        created_at = models.DateTimeField()
        last_seen_at = models.DateTimeField(null=True)
        locked_until = models.DateTimeField(null=True)
        search_key = models.CharField(max_length=500)
        sort_key = models.CharField(max_length=255)

        class Meta:
            app_label, db_table, managed = "peer", "account", False

    def listing(database: str, counts: bool) -> type[admin.ModelAdmin]:
        class Listing(admin.ModelAdmin):
            list_display, search_fields, list_per_page = columns, search, page
            list_select_related = ("organisation",)
            list_filter = ("person_type",)
            ordering = ("sort_key", "id")
            show_full_result_count = counts

            def get_queryset(self, request: Any) -> Any:
                return super().get_queryset(request).using(database)

        return Listing

    for name in names:
        for suffix, counts in (("", True), ("-uncounted", False)):
            site = admin.AdminSite(name=f"{name}{suffix}")
            site.register(Account, listing(name, counts))
            urlpatterns.append(route(f"{name}{suffix}/", site.urls))


def _application() -> Any:
    from django.core.wsgi import get_wsgi_application

    return get_wsgi_application()


def _superuser() -> str:
    from django.contrib.auth.models import User
    from django.core.management import call_command
    from django.test import Client

    call_command("migrate", verbosity=0)
    user = User.objects.filter(username="bench").first() or User.objects.create_superuser("bench", "bench@example.lt", "bench")
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)
