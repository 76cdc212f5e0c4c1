"""Who has not declared: the viewer's buildings with counts, and one building as a list to phone by (N08)."""

import uuid
from typing import Any

from flask import abort, request
from flask_admin import expose
from flask_babel import gettext as _

import formats
import i18n
import web
from backoffice import listing
from backoffice.pages import Pages
from models import N_, Building
from rules import access, clock, readings, undeclared


class UndeclaredPages(Pages):
    """Whoever may see a building sees which of its meters still wait this month."""

    title = N_("Not declared")
    place = "undeclared"
    deed = "building.view"

    @expose("/")
    def index(self) -> Any:
        listing.only("after")
        typed = request.args.get("after", "")
        try:
            after = web.reach(Building, uuid.UUID(typed), "building.view") if typed else None
        except ValueError:
            abort(400)
        found, is_more = undeclared.houses(web.viewer(), clock.today(), after=after)
        return self.render(
            "backoffice/undeclared.html",
            houses=[(house, self.address(house.building.public_id), self._taken(house.building)) for house in found],
            next_url=f"{self.address()}?after={found[-1].building.public_id}" if is_more else None,
            previous_url=self.address() if after else None,
        )

    @expose("/<uuid:public_id>/")
    def house(self, public_id: uuid.UUID) -> Any:
        listing.only()
        building = web.reach(Building, public_id, "building.view")
        meters, contracts = self.desk("meters"), self.desk("contracts")
        can_enter = access.allows(web.viewer(), "meter.enter_reading")
        rows = [
            {
                "place": one.contract.address or one.contract.payer_code,
                "url": contracts.address(one.contract.public_id),
                "customer": one.contract.customer_name,
                "people": [(person.name, person.phone, self.desk("accounts").address(person.public_id)) for person in one.people],
                "meters": [
                    (
                        f"{meter.kind.name(i18n.language())} {meter.number}",
                        meter.place,
                        meters.address("enter_reading", ids=meter.public_id, url=self.address(public_id)) if can_enter else "",
                    )
                    for meter in one.meters
                ],
            }
            for one in undeclared.of(building, clock.today())
        ]
        return self.render(
            "backoffice/undeclared_house.html",
            building=building,
            rows=rows,
            taken=self._taken(building),
            list_url=self.address(),
            building_url=self.desk("buildings").address(public_id),
        )

    def _taken(self, building: Building) -> str:
        """When readings are taken in a building, in words."""
        window, where = readings.window(building.organisation, clock.today(), building), i18n.language()
        closes = formats.day_of_month(window.closes_on, where)
        if window.is_open:
            return _("Readings are taken until %(day)s.", day=closes)
        opens = formats.day_of_month(window.opens_on, where)
        return _("Readings open on %(opens)s and close after %(closes)s.", opens=opens, closes=closes)
