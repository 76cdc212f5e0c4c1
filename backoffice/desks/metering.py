"""Meters and what they showed."""

from typing import Any

from flask_babel import gettext as _

import formats
import i18n
from backoffice.acts import Command
from backoffice.desk import Desk
from models import N_, Meter, MeterKind, Reading
from rules import corrections

MOST_VERSIONS = 20


class Meters(Desk):
    model = Meter
    title = N_("Meters")
    column_list = ("number", "kind.name", "place", "contract.address", "removed_on")
    column_sortable_list = ("number",)
    column_default_sort = "number"
    column_filters = ("organisation", "building", "contract")
    column_details_list = (
        "number",
        "kind.name",
        "kind.unit",
        "place",
        "contract.payer_code",
        "contract.address",
        "installed_on",
        "removed_on",
        "digits",
    )
    form_columns = ("place", "digits")
    commands = (
        Command(
            "enter_reading",
            N_("Enter a reading"),
            corrections.enter,
            ask=N_("It counts whatever the window, and whoever may see the meter is told by e-mail who entered it, by role, and why."),
            needs=("value_milli", "read_on", "reason"),
            done=N_("the reading was entered"),
            is_bulk=False,
            is_main=True,
        ),
    )
    search_hint = N_("Meter number, customer or address")
    related = (("readings", "meter"),)
    empty = (N_("No meters yet"), N_("Meters come with the billing feed."))

    def beside(self, row: Meter) -> str:
        """Where it is and what it showed last: whoever phones is asked whether that can be right."""
        kind, where = row.kind, i18n.language()
        last = (
            Reading.select().where((Reading.meter == row) & Reading.is_current).order_by(Reading.read_on.desc(), Reading.id.desc()).first()
        )
        told = [kind.name(where), row.place, row.contract.address]
        if last is not None:
            value = f"{formats.reading(last.value_milli, kind.decimals, where)} {kind.unit}"
            told.append(_("Last reading: %(value)s, %(day)s", value=value, day=formats.day(last.read_on, where)))
        return " · ".join(part for part in told if part)


class MeterKinds(Desk):
    model = MeterKind
    title = N_("Kinds of meters")
    column_list = ("name", "code", "unit", "decimals", "rounding", "digits")
    column_sortable_list = ("code",)
    column_default_sort = "code"
    column_filters = ("organisation",)
    column_details_list = ("name", "code", "unit", "decimals", "rounding", "digits")
    form_columns = ("name_lt", "name_en", "rounding", "digits")
    empty = (N_("No kinds of meters yet"), N_("They come with the organisation's preset."))


class Readings(Desk):
    model = Reading
    title = N_("Readings")
    column_list = ("meter.number", "previous_milli", "value_milli", "meter.kind.unit", "read_on", "source")
    second_lines = {"meter.number": "contract.address"}
    column_sortable_list = ("read_on",)
    column_default_sort = "-read_on"
    column_filters = ("organisation", "building", "contract", "meter", "read_on")
    column_details_list = (
        "meter.number", "meter.kind.name", "contract.payer_code", "contract.address", "previous_milli", "value_milli", "meter.kind.unit",
        "read_on", "source", "staff.name", "reason", "is_current", "reference", "recorded_at",
    )  # fmt: skip
    commands = (
        Command(
            "correct",
            N_("Correct"),
            corrections.correct,
            ask=N_("What it said stays beside it. Whoever may see the meter is told by e-mail who corrected it, by role, and why."),
            needs=("value_milli", "reason"),
            done=N_("the reading was corrected"),
            is_bulk=False,
            is_main=True,
            when=lambda reading: reading.is_current,
        ),
        Command(
            "undo",
            N_("Undo"),
            corrections.undo,
            ask=N_("What it took the place of counts again, and whoever may see the meter is told by e-mail."),
            needs=("reason",),
            done=N_("was undone"),
            is_bulk=False,
            when=lambda reading: reading.is_current and reading.source == "staff",
        ),
    )
    part_columns = ("meter.number", "value_milli", "meter.kind.unit", "read_on", "source")
    search_hint = N_("Meter number, customer or address")
    empty = (N_("No readings yet"), N_("Readings appear here as they are declared or come with the billing feed."))

    def dossier(self, row: Reading) -> dict[str, Any]:
        """Beside it the other versions of that month: from a reading that was corrected to what counts now, and back."""
        same = (Reading.meter == row.meter_id) & (Reading.contract == row.contract_id) & (Reading.period == row.period)
        names = ("recorded_at", "value_milli", "source", "reason", "is_current")
        others = self.get_query().where(same & (Reading.id != row.id)).order_by(Reading.is_current.desc(), Reading.id.desc())
        lines = self.lines(list(self.select(others, names).limit(MOST_VERSIONS).tuples()), names)
        columns = [column._replace(order="", now="") for column in self.columns(self._plain(), {}, names)]
        return super().dossier(row) | {"related": [{"title": _("Other versions"), "columns": columns, "lines": lines, "url": ""}]}

    def beside(self, row: Reading) -> str:
        """What is to be changed: the kind, the place, from what to what."""
        kind, where = row.meter.kind, i18n.language()
        from_to = [formats.reading(milli, kind.decimals, where) for milli in (row.previous_milli, row.value_milli) if milli is not None]
        return " · ".join(part for part in (kind.name(where), row.contract.address, f"{' – '.join(from_to)} {kind.unit}") if part)
