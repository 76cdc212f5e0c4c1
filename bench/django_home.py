"""The peer of the customer's home: the same page by Django over the same tables, as its documentation shows it: who is signed in by
its sessions and a user model of its own, sums made by the database, related rows fetched together, one template with our sentences
in the reader's language. One advantage for the peer: it sends no content security policy with a nonce, which this Django has none of."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.http import HttpRequest, HttpResponse
from django.urls import path as route

import formats
from bench import clock, django_project
from config import ROOT
from rules import clock as calendar, readings

TABLES: dict[str, Any] = {}
SHOWN = 4


class Peer(AppConfig):
    name = "bench.django_home"
    label = "peer"

    def import_models(self) -> None:
        _tables()
        super().import_models()


Page = Callable[[], tuple[int, str]]


def pages(accounts: dict[str, list[int]], folder: Path) -> dict[str, list[Page]]:
    """What opens the home of each of these accounts, signed in, by the URL of their database, where Django puts its own tables too.
    `folder` is for its files."""
    sentences = folder / "lt" / "LC_MESSAGES"
    sentences.mkdir(parents=True)
    shutil.copy(ROOT / "translations" / "lt" / "LC_MESSAGES" / "messages.mo", sentences / "django.mo")
    django_project.set_up(
        next(iter(accounts)),
        __name__,
        f"{__name__}.Peer",
        middleware=("django.middleware.locale.LocaleMiddleware",),
        context=("django.template.context_processors.i18n",),
        AUTH_USER_MODEL="peer.Account",
        LOGIN_URL="/sign-in",
        LANGUAGE_CODE="lt",
        LANGUAGES=[("lt", "Lietuvių"), ("en", "English")],
        LOCALE_PATHS=[folder],
    )
    application = django_project.application()
    return {url: _pages(application, url, numbers) for url, numbers in accounts.items()}


def _pages(application: Any, url: str, accounts: list[int]) -> list[Page]:
    from django.core.management import call_command
    from django.db import connections

    connections.settings["default"] |= django_project.engine(url)
    del connections["default"]
    opened = connections["default"]  # made anew, of this database
    call_command("migrate", verbosity=0)
    people = TABLES["Account"].objects.in_bulk(accounts)

    def page(cookie: str) -> tuple[int, str]:
        connections["default"] = opened
        return clock.get(application, "/home", cookie=cookie)

    return [partial(page, django_project.cookie(people[number])) for number in accounts]


def _tables() -> None:
    """The tables behind the page, with the columns that it reads."""
    from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
    from django.db import models

    def table(name: str, /, *bases: Any, **columns: Any) -> Any:
        TABLES[name] = django_project.table(__name__, name, *bases, **columns)
        return TABLES[name]

    def text() -> Any:
        return models.CharField(max_length=255)

    def one(of: Any) -> Any:
        return models.ForeignKey(of, models.DO_NOTHING, null=True)

    class Managed(BaseUserManager):
        def get_queryset(self) -> Any:
            return super().get_queryset().select_related("organisation")

    day, moment, number, truth = models.DateField, models.DateTimeField, models.BigIntegerField, models.BooleanField
    organisation = table("Organisation", name=text(), phone=text(), brand=text())
    user: dict[str, Any] = {"USERNAME_FIELD": "email_key", "objects": Managed(), "last_login": None, "is_active": True}
    account = table("Account", AbstractBaseUser, name=text(), email_key=models.CharField(max_length=255, unique=True),
                    password=models.CharField(max_length=255, db_column="password_hash"), organisation=one(organisation), **user)  # fmt: skip
    kind = table("MeterKind", code=text(), name_lt=text(), unit=text())
    provider = table("Provider", name=text(), declares_readings=truth())
    building = table("Building", reading_opens_on=models.IntegerField(null=True), reading_closes_on=models.IntegerField(null=True))
    contract = table("Contract", payer_code=text(), address=text(), ended_on=day(null=True), opened_on=day(null=True),
                     provider=one(provider), building=one(building))  # fmt: skip
    table("Membership", account=one(account), contract=one(contract), until_at=moment(null=True),
          access_type=one(table("AccessType", deeds=models.TextField())))  # fmt: skip
    meter = table("Meter", number=text(), contract=one(contract), kind=one(kind), installed_on=day(null=True), removed_on=day(null=True))
    table("Reading", meter=one(meter), contract=one(contract), value_milli=number(), previous_milli=number(null=True),
          rollover_milli=number(), read_on=day(), period=text(), is_current=truth())  # fmt: skip
    table("Invoice", public_id=models.UUIDField(), number=text(), kind=text(), issued_on=day(), due_on=day(null=True), period_to=day(null=True),
          payable_cents=number(), outstanding_cents=number(), contract=one(contract))  # fmt: skip


def home(request: HttpRequest) -> HttpResponse:
    """What I owe and by when, what waits to be declared, twelve months of use, the latest bills."""
    from django.contrib.auth.views import redirect_to_login
    from django.shortcuts import render

    if not request.user.is_authenticated:
        return redirect_to_login(request.path)
    today = calendar.today()
    held = TABLES["Membership"].objects.filter(account=request.user, until_at=None).values_list("contract_id", "access_type__deeds")
    allowed = [(contract, json.loads(deeds)) for contract, deeds in held]
    may = {deed: [contract for contract, deeds in allowed if deed in deeds] for deed in ("invoice.view", "meter.view", "reading.declare")}
    bills = TABLES["Invoice"].objects.filter(contract__in=may["invoice.view"])
    newest = bills.select_related("contract").order_by("-issued_on", "-id")[:SHOWN]
    context = {
        "owed": _owed(bills, today),
        "waiting": _waiting(may["reading.declare"], today),
        "charts": _charts(may["meter.view"], today),
        "bills": [_bill(bill, today) for bill in newest],
    }
    return render(request, "home.html", context)


def _owed(bills: Any, today: date) -> dict[str, Any]:
    from django.db.models import Min, Q, Sum

    unpaid = Q(outstanding_cents__gt=0)
    found = bills.aggregate(
        total=Sum("outstanding_cents", default=0),
        overdue=Sum("outstanding_cents", filter=unpaid & Q(due_on__lt=today), default=0),
        due_on=Min("due_on", filter=unpaid),
    )
    due_on = found["due_on"]
    return {"total": formats.money(found["total"], "lt"), "overdue": found["overdue"] and formats.money(found["overdue"], "lt"),
            "by": due_on and formats.day_of_month(due_on, "lt")}  # fmt: skip


def _waiting(contracts: list[int], today: date) -> dict[str, Any] | None:
    """How many meters have no reading this month, of those that are in use, and until when it can be told."""
    from django.db.models import Count, Exists, OuterRef, Q

    here = TABLES["Reading"].objects.filter(
        meter=OuterRef("pk"), contract=OuterRef("contract"), period=calendar.period(today), is_current=True
    )
    rows = (
        TABLES["Meter"]
        .objects.filter(Q(contract__ended_on=None) | Q(contract__ended_on__gt=today), contract__in=contracts)
        .filter(Q(installed_on=None) | Q(installed_on__lte=today), Q(removed_on=None) | Q(removed_on__gt=today))
        .filter(~Exists(here), contract__provider__declares_readings=True)
        .values_list("contract__building__reading_opens_on", "contract__building__reading_closes_on")
        .annotate(count=Count("id"))
    )
    open_ = [(count, readings.window_of_days(opens or 1, closes or 31, today)) for opens, closes, count in rows]
    until = [window.closes_on for _, window in open_ if window.is_open]
    return {"count": sum(count for count, _ in open_), "until": formats.day_of_month(min(until), "lt")} if until else None


def _charts(contracts: list[int], today: date) -> list[dict[str, Any]]:
    """Bars of twelve months for each kind of meter."""
    from django.db.models import F, Sum

    periods = calendar.months(calendar.period(today), 12)
    used = F("value_milli") - F("previous_milli") + F("rollover_milli")
    rows = (
        TABLES["Reading"]
        .objects.filter(contract__in=contracts, is_current=True, read_on__gte=f"{periods[0]}-01", period__lte=periods[-1])
        .annotate(used=used)
        .filter(used__gte=0)
        .values_list("meter__kind_id", "meter__kind__name_lt", "meter__kind__unit", "period")
        .annotate(milli=Sum("used"))
        .order_by("meter__kind__code")
    )
    found: dict[int, dict[str, Any]] = {}
    for number, name, unit, period, milli in rows:
        chart = found.setdefault(number, {"uid": f"use-{len(found) + 1}", "title": name, "unit": unit, "months": dict.fromkeys(periods)})
        chart["months"][period] = milli
    for chart in found.values():
        chart["points"] = _points(chart["months"], calendar.period(today))
    return list(found.values())


def _points(months: dict[str, int | None], now: str) -> list[dict[str, Any]]:
    top, step = max([*(milli or 0 for milli in months.values()), 1]), 100 / len(months)
    points = []
    for place, (period, milli) in enumerate(months.items()):
        height, left = max(74 * (milli or 0) / top, 1), place * step
        points.append({
            "label": formats.month_short(period, "lt"), "name": formats.month(period, "lt"), "is_known": milli is not None,
            "text": formats.quantity(milli or 0, "lt"), "is_now": period == now, "middle": round(left + step / 2, 3),
            "left": round(left + step * 0.19, 3), "width": round(step * 0.62, 3), "right": round(left + step * 0.7, 3),
            "y": round(87 - height, 3), "height": round(height, 3),
        })  # fmt: skip
    return points


def _bill(bill: Any, today: date) -> dict[str, Any]:
    late = max(0, (today - bill.due_on).days) if bill.outstanding_cents > 0 and bill.due_on else 0
    return {
        "row": bill, "month": formats.month((bill.period_to or bill.issued_on).isoformat()[:7], "lt"),
        "amount": formats.money(bill.payable_cents, "lt"), "is_paid": bill.outstanding_cents <= 0, "late": late,
        "is_part": 0 < bill.outstanding_cents < bill.payable_cents, "left": formats.money(bill.outstanding_cents, "lt"),
        "by": bill.due_on and formats.day(bill.due_on, "lt"),
    }  # fmt: skip


def other(request: HttpRequest) -> HttpResponse:
    """The pages that the home leads to."""
    return HttpResponse()


urlpatterns = [
    route("home", home, name="home"),
    route("sign-out", other, name="sign-out"),
    route("invoices/<uuid:public_id>", other, name="invoice"),
    route("meters/declare-readings", other, name="declare"),
    route("language/<code>", other, name="language"),
    *(route(name, other, name=name) for name in ("invoices", "meters", "account", "contracts")),
]
