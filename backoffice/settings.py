"""An organisation's rules, as pages made from the catalogue in rules/settings.py: all of them by group, one to change at a time."""

import uuid
from dataclasses import asdict
from typing import Any

from flask import abort, redirect
from flask_admin import expose
from flask_babel import gettext as _
from wtforms import StringField

import formats
import i18n
import web
from backoffice import cells, listing, timeline
from backoffice.cells import NO, YES
from backoffice.fields import Choice, Needed
from backoffice.pages import Pages
from models import N_, Event, Organisation
from rules import access, settings


class SettingsPages(Pages):
    """Who may see an organisation sees its rules; who may change them changes them."""

    title = N_("Settings")
    place = "settings"
    deed = "organisation.view"

    @expose("/")
    @expose("/<uuid:public_id>/")
    def index(self, public_id: uuid.UUID | None = None) -> Any:
        listing.only()
        chosen, organisations = self.organisation(public_id)
        values, defaults = asdict(settings.of(chosen)), asdict(settings.Settings())
        is_changed = access.allows(web.viewer(), "setting.change")
        groups: dict[str, list[Any]] = {}
        for name, knob in settings.CATALOGUE.items():
            url = self.address(chosen.public_id, name.replace("_", "-")) if is_changed else ""
            row = (_(knob.metadata["label"]), cells.setting(name, values[name]), url, values[name] == defaults[name])
            groups.setdefault(_(knob.metadata["group"]), []).append(row)
        return self.render(
            "backoffice/settings.html",
            organisation_name=chosen.name,
            organisations=organisations,
            groups=[{"title": title, "rows": rows} for title, rows in groups.items()],
        )

    @expose("/<uuid:public_id>/<name>/", methods=("GET", "POST"))
    @web.once
    def change(self, public_id: uuid.UUID, name: str) -> Any:
        listing.only()
        organisation = web.reach(Organisation, public_id, "setting.change")
        name = name.replace("-", "_")
        if name not in settings.CATALOGUE:
            abort(404)
        knob = settings.CATALOGUE[name].metadata
        form = _form(name)(data={"value": _typed(getattr(settings.of(organisation), name))})
        if form.validate_on_submit():
            with web.asking(form):
                settings.change(organisation, name, _meant(name, form.value.data), by=web.viewer())
                web.tell(_("Saved: %(label)s", label=_(knob["label"])))
                return redirect(self.address(public_id), 303)
        return self.render(
            "backoffice/setting.html",
            title=_(knob["label"]),
            form=form,
            list_url=self.address(public_id),
            was=_changed_last(organisation, name),
        )


def _form(name: str) -> type[web.Form]:
    """One field that takes what the catalogue allows; the bounds are said before anyone must ask."""
    knob, default = settings.CATALOGUE[name].metadata, settings.CATALOGUE[name].default
    label = _(knob["label"])
    if knob["choices"]:
        field = Choice(label, choices=[(value, _(word)) for value, word in knob["choices"]])
    elif isinstance(default, bool):
        field = Choice(label, choices=[("yes", _(YES)), ("no", _(NO))])
    else:
        hint = _("A whole number from %(low)s to %(high)s", low=knob["low"], high=knob["high"])
        field = StringField(label, description=hint, validators=[Needed()], render_kw={"inputmode": "numeric", "class": "w-4"})
    return type("SettingForm", (web.Form,), {"value": field})


def _typed(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _meant(name: str, typed: str) -> Any:
    """What was typed, as the catalogue keeps it. Raises Refused where that is no number."""
    default = settings.CATALOGUE[name].default
    if isinstance(default, bool):
        return typed == "yes"
    if isinstance(default, int):
        digits = typed.strip()
        return settings.check(name, int(digits) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None)
    return typed


def _changed_last(organisation: Organisation, name: str) -> str:
    """Who changed this rule last, and when; empty where nobody has."""
    subject = f"organisation:{organisation.id}"
    recent = Event.select().where((Event.subject == subject) & (Event.name == "setting.changed")).order_by(Event.id.desc()).limit(200)
    read = recent.select(Event.facts, timeline.name_of(Event.actor), Event.at).tuples()
    by, at = next(((by, at) for facts, by, at in read if facts and facts["name"] == name), ("", None))
    return _("Last changed by %(who)s, %(when)s", who=timeline.who(by), when=formats.moment(at, i18n.language())) if at else ""
