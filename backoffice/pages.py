"""Pages of the backoffice that are no desk's: who may see them, their addresses, and of which organisation they speak."""

import uuid
from typing import Any

from flask import abort, request
from flask_admin import BaseView
from flask_babel import lazy_gettext

import web
from models import Organisation
from rules import access

ORGANISATIONS_SHOWN = 100


class Pages(BaseView):
    """For whoever may do `deed`; for anybody else there are none."""

    title: str
    place: str  # in the address, and in front of an endpoint
    deed: str

    def __init__(self, menu: str) -> None:
        super().__init__(name=lazy_gettext(self.title), category=lazy_gettext(menu), endpoint=self.place, url=f"/{self.place}")

    def is_accessible(self) -> bool:
        return access.allows(web.viewer(), self.deed)

    def _handle_view(self, page: str, /, **arguments: Any) -> Any:
        # Flask-Admin calls the page's name `name`, which may be an argument of the address too.
        return None if self.is_accessible() else abort(404)

    def address(self, *steps: Any) -> str:
        return "/".join([f"{request.script_root}{self.url}", *(str(step) for step in steps), ""])

    def desk(self, endpoint: str) -> Any:
        return next(view for view in self.admin._views if view.endpoint == endpoint)

    def organisation(self, public_id: uuid.UUID | None) -> tuple[Organisation, list[tuple[str, str, bool]]]:
        """The organisation that is asked for, else the viewer's first; and, where there are several, each with its page and whether it
        is this one."""
        within = list(Organisation.within(web.viewer()).order_by(Organisation.sort_key, Organisation.id).limit(ORGANISATIONS_SHOWN))
        chosen = web.reach(Organisation, public_id, self.deed) if public_id else next(iter(within), None) or abort(404)
        return chosen, [(o.name, self.address(o.public_id), o.id == chosen.id) for o in within] if len(within) > 1 else []
