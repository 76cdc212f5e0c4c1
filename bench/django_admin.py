"""The peer: Django's admin over the same tables, as its documentation shows it, in this process."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.urls import clear_url_caches, path as route

from bench import clock, django_project

urlpatterns: list[Any] = []
QUERY = {"accounts": "?o=-1", "invoices": "?issued_on__gte=2023-01-01", "readings": "?read_on__gte=2023-01-01",
         "events": "?name__exact=account.signed_in"}  # fmt: skip


class Peer(AppConfig):
    name = "bench.django_admin"
    label = "peer"
    verbose_name = "Bills"


class Admins:
    """Two admins over each database that is asked for: with its defaults, and not counting all rows (show_full_result_count=False, and
    nothing else). Django's own tables are in the file `own`."""

    def __init__(self, own: Path, *, page: int) -> None:
        django_project.set_up(f"sqlite:///{own}", __name__, "django.contrib.admin", f"{__name__}.Peer")
        self.tables, self.rows, self.made = _tables(), page, {}
        self.application = django_project.application()
        self.cookie = _superuser()

    def page(self, url: str, path: str, *, is_counted: bool = True) -> Callable[[], tuple[int, str]]:
        """What opens the list at `path` of the admin over the database at `url`."""
        name = self.made.get(url) or self._add(url)
        address = f"/{name}{'' if is_counted else '-uncounted'}/peer/{path}"
        return partial(clock.get, self.application, address, cookie=self.cookie)

    def _add(self, url: str) -> str:
        from django.contrib import admin
        from django.db import connections

        name = self.made[url] = f"d{len(self.made)}"
        connections.settings[name] = connections.settings["default"] | django_project.engine(url)
        for suffix, counts in (("", True), ("-uncounted", False)):
            site = admin.AdminSite(name=f"{name}{suffix}")
            for model, options in self.tables.items():
                site.register(model, _listing(name, counts, options | {"list_per_page": self.rows}))
            urlpatterns.append(route(f"{name}{suffix}/", site.urls))
        clear_url_caches()
        return name

    def close(self) -> None:
        """Let go of the databases."""
        from django.db import connections

        connections.close_all()


def _listing(database: str, counts: bool, options: dict[str, Any]) -> Any:
    from django.contrib import admin

    def get_queryset(self: Any, request: Any) -> Any:
        return super(listing, self).get_queryset(request).using(database)

    listing: Any = type("Listing", (admin.ModelAdmin,), options | {"show_full_result_count": counts, "get_queryset": get_queryset})
    return listing


def _tables() -> dict[Any, dict[str, Any]]:
    """The four tables with the columns that our lists show, their relations fetched together with them."""
    from django.contrib import admin
    from django.db import models

    from bench.data import EVENTS

    table = partial(django_project.table, __name__)

    @admin.display(ordering="sort_key", description="name")  # by the column that has the index, as ours
    def called(self: Any, account: Any) -> str:
        return str(account.name)

    def text(choices: Any = None) -> Any:
        return models.CharField(max_length=255, choices=choices)

    def one(of: Any) -> Any:
        return models.ForeignKey(of, models.DO_NOTHING, null=True)

    day, moment, number = models.DateField, partial(models.DateTimeField, null=True), models.BigIntegerField
    organisation = table("Organisation", name=text())
    contract = table("Contract", address=text(), payer_code=text(), search_key=text())
    meter = table("Meter", number=text())
    account = table("Account", name=text(), email=text(), phone=text(), person_type=text(), created_at=moment(), last_seen_at=moment(),
                    locked_until=moment(), search_key=text(), sort_key=text(), organisation=one(organisation))  # fmt: skip
    invoice = table("Invoice", number=text(), buyer_name=text(), issued_on=day(), due_on=day(), payable_cents=number(),
                    outstanding_cents=number(), contract=one(contract), organisation=one(organisation))  # fmt: skip
    reading = table("Reading", meter=one(meter), previous_milli=number(), value_milli=number(), read_on=day(), source=text(),
                    contract=one(contract), organisation=one(organisation))  # fmt: skip
    event = table("Event", name=text([(name, name) for name in EVENTS]), facts=text(), actor=text(), at=moment(), account=one(account),
                  organisation=one(organisation))  # fmt: skip
    return {
        account: {"list_display": ("called", "email", "phone", "organisation", "locked_until", "created_at", "last_seen_at"),
                  "list_select_related": ("organisation",), "list_filter": ("person_type",), "ordering": ("sort_key", "-id"),
                  "search_fields": ("search_key",), "called": called},
        invoice: {"list_display": ("number", "buyer_name", "contract", "issued_on", "due_on", "payable_cents", "outstanding_cents", "organisation"),
                  "list_select_related": ("contract", "organisation"), "list_filter": ("issued_on",), "ordering": ("-issued_on", "-id"),
                  "search_fields": ("number", "contract__search_key")},
        reading: {"list_display": ("meter", "contract", "previous_milli", "value_milli", "read_on", "source", "organisation"),
                  "list_select_related": ("meter", "contract", "organisation"), "list_filter": ("read_on",), "ordering": ("-read_on", "-id")},
        event: {"list_display": ("name", "facts", "actor", "account", "at", "organisation"),
                "list_select_related": ("account", "organisation"), "list_filter": ("name",), "ordering": ("-id",)},
    }  # fmt: skip


def _superuser() -> str:
    from django.contrib.auth.models import User
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    return django_project.cookie(User.objects.create_superuser("bench", "bench@example.lt", "bench"))
