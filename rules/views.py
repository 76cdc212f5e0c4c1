"""Lists that staff save under a name, for themselves or for their colleagues (N07). A view is what an address says, no more: whoever
opens it sees of those rows what is within their own reach."""

from typing import Any

from peewee import IntegrityError

from models import N_, SavedView, Staff
from rules import events
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

MOST = 20  # of one person, on one desk
LONGEST_NAME = 40
TAKEN = N_("You have a view of this name already")


def save(desk: str, name: str, args: dict[str, str], *, is_shared: bool, by: Staff) -> SavedView:
    """Keep what the address of a list says. Raises Refused for a name that is empty, too long or taken, and for the 21st view."""
    name = _checked(name)
    if SavedView.select().where((SavedView.staff == by) & (SavedView.desk == desk)).count() >= MOST:
        raise Refused(N_("You have {most} views here already. Delete one first."), most=MOST)
    try:
        with unit_of_work():
            view = SavedView.create(staff=by, organisation=by.organisation_id, desk=desk, name=name, args=args, is_shared=is_shared)
            events.record("savedview.saved", view, by=by, desk=desk, name=name, args=args, is_shared=is_shared)
            return view
    except IntegrityError:
        raise Refused(TAKEN, field="name") from None


def change(view: SavedView, name: str, *, is_shared: bool, by: Staff) -> None:
    """Give one's own view another name, share it or keep it to oneself. Raises Missing for a colleague's, Refused as `save`."""
    _check_own(view, by)
    before, after = _facts(view), {"name": _checked(name), "is_shared": is_shared}
    if before == after:
        return
    try:
        with unit_of_work():
            SavedView.update(**after).where(SavedView.id == view.id).execute()
            events.record("savedview.changed", view, by=by, before=before, after=after)
    except IntegrityError:
        raise Refused(TAKEN, field="name") from None


def remove(view: SavedView, *, by: Staff) -> None:
    """Delete one's own view; the rows it showed stay. Raises Missing for a colleague's, or when it is gone already."""
    _check_own(view, by)
    with unit_of_work():
        if not view.delete_instance():
            raise Missing
        events.record("savedview.removed", view, by=by, desk=view.desk, name=view.name)


def _check_own(view: SavedView, by: Staff) -> None:
    if view.staff_id != by.id:
        raise Missing


def _checked(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Refused(N_("Enter a name"), field="name")
    if len(name) > LONGEST_NAME:
        raise Refused(N_("A name has at most {most} characters"), field="name", most=LONGEST_NAME)
    return name


def _facts(view: SavedView) -> dict[str, Any]:
    return {"name": view.name, "is_shared": view.is_shared}
