"""The views over a list, as tabs: those that the desk declares and those that people have saved, each with a live count (N07).

A saved view is an address. It is read as any other one is, by whoever opens it: what it filters by may have gone meanwhile, or not be
theirs to know of, and then the list says so.
"""

import uuid
from typing import Any, NamedTuple

from flask import abort, redirect, request
from flask_babel import gettext as _, lazy_gettext
from werkzeug.exceptions import HTTPException
from wtforms import BooleanField, StringField

import web
from backoffice import listing
from backoffice.fields import AtMost, Needed
from models import SavedView, Staff
from rules import views
from rules.statements import statement

MOST_SHOWN = 40


class View(NamedTuple):
    """A tab: what it is called, where it leads, whether it is open now, how many rows it has, and where it may be changed."""

    label: str
    url: str
    is_current: bool
    count: str
    is_saved: bool = False
    change_url: str = ""


class SavedViewForm(web.Form):
    name = StringField(
        lazy_gettext("Name of the view"),
        validators=[Needed(), AtMost(views.LONGEST_NAME)],
        render_kw={"autocomplete": "off", "maxlength": views.LONGEST_NAME},
    )
    is_shared = BooleanField(
        lazy_gettext("Colleagues see it too"),
        description=lazy_gettext("Each of them sees those of its rows that are theirs to see."),
    )


def tabs(desk: Any, what: listing.Asked) -> list[View]:
    """All rows, the desk's own views, one's own and those that colleagues share; none where that would be all rows alone."""
    args = without_page()
    viewer = web.viewer()
    found = [(view, _understood(desk, view.args, listing.Unread)) for view in _kept(viewer, desk.endpoint)]
    known = [(desk, listing.all_of(desk, tab)) for tab in desk.tabs] + [(desk, asked) for _view, asked in found if asked]
    if not desk.tabs and not found:
        return []
    counts = iter(listing.counts(known))
    is_saved = any(view.args == args for view, _asked in found)
    made = [View(_(desk.all_rows), desk.address(), what.tab is None and not is_saved, "")]
    made += [View(_(tab.label), desk.address(tab=tab.name), what.tab is tab and not is_saved, next(counts)) for tab in desk.tabs]
    for view, asked in found:
        change_url = desk.address("views", view.public_id) if view.staff_id == viewer.id else ""
        # Whether the row that it is narrowed to is the viewer's is seen when it is opened, not for each tab of each page.
        url = desk.address(**view.args) if asked and not asked.rows else desk.address(view=view.public_id)
        made.append(View(view.name, url, view.args == args, next(counts) if asked else "", True, change_url))
    return made


@statement
def _kept(viewer: Staff, desk: str) -> Any:
    own_first = SavedView.staff == viewer.id
    kept = SavedView.within(viewer).where(SavedView.desk == desk)
    return kept.order_by(own_first.desc(), SavedView.name, SavedView.id).limit(MOST_SHOWN)


def without_page() -> dict[str, str]:
    """What this address says of the list, whichever page of it."""
    return {name: value for name, value in request.args.items() if name not in ("after", "before") and value}


def _understood(desk: Any, args: dict[str, str], reach: Any = None) -> listing.Asked | None:
    try:
        return listing.asked(desk, args, reach)
    except HTTPException:
        return None  # a filter that is no longer there, or a row that is not this viewer's


def open_view(desk: Any) -> Any:
    """A saved view by its id: on to the list that it shows, or to all rows, with the reason."""
    listing.only("view")
    view = _reach(desk, listing.uuid_of(request.args["view"]))
    if _understood(desk, view.args):
        return redirect(desk.address(**view.args), 303)
    sentence = _("The view “%(name)s” cannot be shown: what it filters by is no longer there, or is not yours to see.", name=view.name)
    web.tell(sentence, "warning")
    return redirect(desk.address(), 303)


def page(desk: Any, public_id: uuid.UUID | None) -> Any:
    """Save the list at this address under a name; or give one's own view another name, share it, delete it."""
    view = _reach(desk, public_id) if public_id else None
    viewer: Staff = web.viewer()
    if view:
        listing.only()
        if view.staff_id != viewer.id:
            abort(404)
    else:
        listing.asked(desk, request.args)
    args = view.args if view else without_page()
    back = desk.address(**args) if _understood(desk, args) else desk.address()
    if view and request.form.get("step") == "remove":
        views.remove(view, by=viewer)
        web.tell(_("%(name)s: deleted", name=view.name))
        return redirect(desk.address(), 303)
    form = SavedViewForm(obj=view)
    if form.validate_on_submit():
        with web.asking(form):
            said = {"name": form.name.data, "is_shared": form.is_shared.data}
            if view:
                views.change(view, **said, by=viewer)
            else:
                views.save(desk.endpoint, args=args, **said, by=viewer)
            web.tell(_("%(name)s: saved", name=form.name.data))
            return redirect(back, 303)
    title = _("Saved view") if view else _("Save this list as a view")
    return desk.render("backoffice/saved_view.html", form=form, list_url=back, title=title, is_saved=view is not None)


def _reach(desk: Any, public_id: uuid.UUID) -> SavedView:
    found = SavedView.within(web.viewer()).where((SavedView.public_id == public_id) & (SavedView.desk == desk.endpoint)).first()
    return found or abort(404)
