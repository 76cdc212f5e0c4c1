"""The first page, with what waits to be worked through; and what the search box of every page finds."""

from datetime import datetime, timedelta
from typing import Any

from flask import abort, redirect, request
from flask_admin import AdminIndexView, expose
from flask_babel import gettext as _, lazy_gettext
from peewee import fn

import formats
import i18n
import web
from backoffice import listing, timeline
from backoffice.desk import Desk
from models import Event, Organisation, Setting, SyncRun, canonical, now
from rules import access, clock, confirmations, proof, search, undeclared
from rules.sync_run import REGISTER

# A feed is read every night; a little longer, for a night that started late.
LATE = timedelta(hours=26)
EVENTS_SHOWN, FEEDS_SHOWN = 8, 50
# What would leave no room on the first page for anything else.
COMES_AND_GOES = (
    "account.signed_in", "account.signed_out", "account.viewed", "feed.block_stored", "staff.signed_in", "staff.signed_out",
)  # fmt: skip


class Home(AdminIndexView):
    """Queues with counts, the state of the billing feeds, the last events: each only for who may see it."""

    def __init__(self) -> None:
        super().__init__(name=lazy_gettext("Home"), url="/")

    def is_accessible(self) -> bool:
        return web.viewer() is not None

    @expose("/")
    def index(self) -> Any:
        if request.args:
            abort(400)
        feeds = _feeds(now()) if access.allows(web.viewer(), "syncrun.view") else []
        latest = []
        if access.allows(web.viewer(), "event.view"):
            found = Event.within(web.viewer()).where(Event.name.not_in(COMES_AND_GOES))
            latest = timeline.told(found.order_by(Event.id.desc()).limit(EVENTS_SHOWN))
        return self.render(
            "backoffice/home.html",
            queues=[*self._to_declare(), *self._queues(), *_feed_queue(feeds, self._desk("sync_runs").address())],
            feeds=feeds,
            events=latest,
            brakes=_brakes(),
        )

    def _desks(self) -> list[Any]:
        return [view for view in self.admin._views if isinstance(view, Desk) and view.may("view")]

    def _desk(self, endpoint: str) -> Any:
        return next(view for view in self.admin._views if view.endpoint == endpoint)

    def _to_declare(self) -> list[dict[str, Any]]:
        """Whoever runs houses is to see first who has not declared in them; for all houses of an organisation it would say little."""
        if web.viewer().role != "property_manager":
            return []
        count, text = str(undeclared.waiting(web.viewer(), clock.today())), _("No reading of this month yet: whom to phone.")
        return [_queue(_("Meters not declared"), text, count, self._desk("undeclared").address())]

    def _queues(self) -> list[dict[str, Any]]:
        """Every saved view that says it is a queue, of the desks that this viewer may see, with how many rows wait there."""
        waiting = [(desk, tab) for desk in self._desks() for tab in desk.tabs if tab.queue]
        counts = listing.counts([(desk, listing.all_of(desk, tab)) for desk, tab in waiting])
        return [
            _queue(_(tab.queue[0]), _(tab.queue[1]), count, desk.address(tab=tab.name))
            for (desk, tab), count in zip(waiting, counts, strict=True)
        ]

    @expose("/search/")
    def search(self) -> Any:
        """The one box: what was typed, looked for among everything that this viewer may see; the only row that is called exactly so
        is opened at once (IB-61, CV-37, CV-39)."""
        if set(request.args) - {"search"}:
            abort(400)
        words = " ".join(request.args.get("search", "").split())
        if search.is_too_long(words):
            abort(400)
        desks = [desk for desk in self._desks() if desk.model in search.KINDS]
        exact = search.exact([desk.model for desk in desks], web.viewer(), words) if words else []
        if len(exact) == 1:
            return redirect(next(desk for desk in desks if isinstance(exact[0], desk.model)).address(exact[0].public_id), 303)
        groups = [group for desk in desks if words and (group := desk.hits(words))]
        return self.render("backoffice/search.html", words=words, groups=groups, is_too_short=search.is_too_short(words))


def _brakes() -> list[str]:
    """What the system has slowed down by itself because somebody tries codes: customers will call, so staff must know (T14)."""
    if not access.allows(web.viewer(), "account.view"):
        return []
    here = Organisation.within(web.viewer()).where(Organisation.is_active).order_by(Organisation.sort_key).limit(FEEDS_SHOWN)
    told = [
        _("%(name)s: customers cannot add contracts for up to an hour, because somebody is trying wrong codes.", name=organisation)
        for organisation in proof.paused(here)
    ]
    if confirmations.are_codes_paused():
        told.append(_("Codes by mail are paused for up to an hour, because many wrong ones were entered: links are sent instead."))
    return told


def _queue(label: str, text: str, count: str, url: str) -> dict[str, Any]:
    return {"label": label, "text": text, "count": count, "is_empty": count == "0", "url": url}


def _feeds(at: datetime) -> list[dict[str, Any]]:
    """What is read every night for each organisation: the billing feed where it has one, the register where it was ever read."""
    wanted = Setting.select(Setting.organisation).where((Setting.name == "billing_system") & (Setting.value != canonical("nothing")))
    read = SyncRun.select(SyncRun.organisation).where(SyncRun.feed == REGISTER)
    bills = _runs(SyncRun.feed != REGISTER, Organisation.id.in_(wanted))
    registers = _runs(SyncRun.feed == REGISTER, Organisation.id.in_(read))
    feeds = [_feed(name, run, at) for name, run in bills]
    return feeds + [_feed(_("%(name)s: register of legal entities", name=name), run, at) for name, run in registers]


def _runs(of: Any, those: Any) -> list[tuple[str, SyncRun | None]]:
    """The last run `of` a kind, for each of `those` organisations that the viewer may know of."""
    last = SyncRun.select(fn.MAX(SyncRun.id)).where((SyncRun.organisation == Organisation.id) & of)
    here = Organisation.within(web.viewer()).select(Organisation.name, last).where(those & Organisation.is_active)
    found = list(here.order_by(Organisation.sort_key, Organisation.id).limit(FEEDS_SHOWN).tuples())
    runs = {run.id: run for run in SyncRun.select().where(SyncRun.id.in_([id_ for _name, id_ in found if id_]))}
    return [(name, runs.get(id_)) for name, id_ in found]


def _feed(name: str, run: SyncRun | None, at: datetime) -> dict[str, Any]:
    if run is None or run.started_at < at - LATE:
        word, kind = _("Not read tonight"), "bad"
    elif run.error:
        word, kind = _("Broken off"), "bad"
    elif run.finished_at is None:
        word, kind = _("Being read"), "neutral"
    else:
        word, kind = _("In order"), "ok"
    return {"name": name, "word": word, "kind": kind, "when": formats.moment(run.started_at, i18n.language()) if run else _("never")}


def _feed_queue(feeds: list[dict[str, Any]], url: str) -> list[dict[str, Any]]:
    if not feeds:
        return []
    wrong = sum(feed["kind"] == "bad" for feed in feeds)
    return [_queue(_("Feeds to look at"), _("They broke off, or were not read tonight."), str(wrong), url)]
