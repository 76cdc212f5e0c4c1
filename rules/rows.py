"""Adding and changing a row by hand: only what changed is written, over nobody else's change, with what it was and is now (N02)."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from peewee import ForeignKeyField, IntegrityError

from models import (
    MOST_DIGITS,
    N_,
    Building,
    Company,
    Contract,
    Head,
    Invitation,
    Meter,
    MeterKind,
    Organisation,
    Owned,
    Premises,
    Provider,
    Representative,
    Staff,
    Table,
)  # fmt: skip
from rules import details, events, places
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

Row = TypeVar("Row", bound=Table)


class ChangedMeanwhile(Refused):
    """Somebody else wrote the row after its form was opened; `row` is what stands there now."""

    def __init__(self, row: Table) -> None:
        super().__init__(N_("Somebody else changed this while you did. Compare with what stands there now and save again."))
        self.row = row


def create(model: type[Row], values: dict[str, Any], *, by: Staff) -> Row:
    """Add a row of `by`'s organisation, or of the organisation of what it belongs to.

    Raises Missing where it would belong to something `by` may not know of, Refused for a value that cannot be or is there already.
    """
    values = {name: _checked(model, name, value) for name, value in values.items()}
    organisation = _organisation(values, by)
    _check_relations(model, values, organisation, by)
    _check_days(model, values)
    _check_company(model, values)
    _check_unique(model, values | {"organisation": organisation}, None)
    try:
        with unit_of_work():
            row = model.create(**values | {"organisation": organisation})
            if not model.within(by).where(model.id == row.id).exists():
                raise Missing
            events.record(f"{_table(model)}.created", row, by=by, after=_facts(values))
            return row
    except IntegrityError:
        # The same one from another window was faster.
        raise Refused(N_("There is one like this already")) from None


def change(row: Row, values: dict[str, Any], *, version: int, by: Staff, event: str = "") -> bool:
    """Write those of `values` that differ; False where none does. `version` is the row's when its form was opened.

    Raises ChangedMeanwhile, Missing where the row would leave `by`'s reach or join another organisation, and Refused for a value
    that cannot be, is there already or is kept by other rows. `event` names what happened where it is not "<table>.changed".
    """
    model: Any = type(row)
    values = {name: _checked(model, name, value) for name, value in values.items()}
    try:
        with unit_of_work():
            # Counting the version up takes the row: whoever else has the same form open comes too late.
            taken = model.update(version=model.version + 1).where((model.id == row.id) & (model.version == version)).execute()
            current = model.within(by).where(model.id == row.id).first()
            if current is None:
                raise Missing
            if not taken:
                raise ChangedMeanwhile(current)
            changed = {name: value for name, value in values.items() if _plain(value) != _plain(getattr(current, name))}
            if not changed:
                raise _Unchanged
            _check_relations(model, changed, getattr(current, "organisation_id", None), by)
            whole = {name: getattr(current, name) for name in model._meta.fields} | changed
            _check_days(model, whole)
            _check_company(model, whole)
            _check_unique(model, changed, current)
            for name in changed:
                if (model, name) in HELD and HELD[model, name](current):
                    raise Refused(HELD_BY.get(model, BY_BILLING), field=name)
            before = _facts({name: getattr(current, name) for name in changed})
            for name, value in changed.items():
                setattr(current, name, value)
            current.save()
            for name in changed:
                FOLLOWERS.get((model, name), _nothing)(current)
            if not model.within(by).where(model.id == row.id).exists():
                raise Missing
            events.record(event or f"{_table(model)}.changed", current, by=by, before=before, after=_facts(changed))
            return True
    except _Unchanged:
        return False
    except IntegrityError:
        raise Refused(N_("There is one like this already")) from None


def _nothing(row: Table) -> None:
    """Nothing follows from most columns."""


class _Unchanged(Exception):
    """Nothing differs: the version goes back too."""


def _table(model: type[Table]) -> str:
    return model.__name__.lower()


def _plain(value: Any) -> Any:
    return value.id if isinstance(value, Table) else value


def _facts(values: dict[str, Any]) -> dict[str, Any]:
    """Values as an event keeps them: a related row by its words."""
    return {name: str(value) if isinstance(value, Table) else value for name, value in values.items()}


def _organisation(values: dict[str, Any], by: Staff) -> int:
    """To which organisation a new row belongs: chosen, else that of what it belongs to, else `by`'s own. Raises Missing without any."""
    chosen = values.pop("organisation", None)
    related = next((value for value in values.values() if isinstance(value, Owned)), None)
    found = chosen.id if isinstance(chosen, Organisation) else related.organisation_id if related else by.organisation_id
    if found is None or not Organisation.within(by).where(Organisation.id == found).exists():
        raise Missing
    return int(found)


def _check_relations(model: type[Table], values: dict[str, Any], organisation: int | None, by: Staff) -> None:
    """What a row belongs to must be of its own organisation and within `by`'s reach: typed into the request or not (T02, T19, T24)."""
    for name, value in values.items():
        if not isinstance(model._meta.fields[name], ForeignKeyField) or value is None:
            continue
        if not type(value).within(by).where(type(value).id == value.id).exists():
            raise Missing
        if isinstance(value, Owned) and value.organisation_id != organisation:
            raise Refused(N_("Select one of the same organisation"), field=name)


def _check_unique(model: type[Table], values: dict[str, Any], row: Table | None) -> None:
    """Say which field it is that must differ, before the database only says no."""
    for index in model._meta.indexes:
        columns, is_unique = index if isinstance(index, tuple) else ((), False)  # a partial index is left to the database
        if not is_unique or not set(columns) & set(values):
            continue
        same = [getattr(model, name) == (values[name] if name in values else getattr(row, name)) for name in columns]
        others = model.select().where(*same, *([model.id != row.id] if row else []))
        if others.exists():
            raise Refused(N_("There is one like this already"), field=next(name for name in reversed(columns) if name in values))


# ---- values that are more than text -----------------------------------------------------------------------------------


def _check_days(model: type[Table], values: dict[str, Any]) -> None:
    """A house has both days for readings, in their order, or neither (K16)."""
    opens, closes = values.get("reading_opens_on"), values.get("reading_closes_on")
    if model is Building and (opens is None) != (closes is None):
        raise Refused(N_("Enter both days, or neither"), field="reading_opens_on" if opens is None else "reading_closes_on")
    if model is Building and opens is not None and opens > closes:
        raise Refused(N_("Readings must close on day {opens} or later"), field="reading_closes_on", opens=opens)


def _check_company(model: type[Table], values: dict[str, Any]) -> None:
    """A company has a code of the register; a person in business has none (IB-34)."""
    if model is Company and bool(values.get("code")) == bool(values.get("person_digest")):
        wrong = N_("A person in business has no company code") if values.get("person_digest") else N_("Enter the company code")
        raise Refused(wrong, field="code")


def _checked(model: type[Table], name: str, value: Any) -> Any:
    field = model._meta.fields[name]
    value = value.strip() if isinstance(value, str) else value
    low, high = BOUNDS.get((model, name), (0, 0))
    if value is not None and high and not low <= value <= high:
        raise Refused(N_("The value must be a whole number from {low} to {high}"), field=name, low=low, high=high)
    if isinstance(value, str) and value and (model, name) in CHECKS:
        return CHECKS[model, name](value)
    if value in (None, "") and not field.null and field.default is None:
        raise Refused(N_("This cannot be empty"), field=name)
    return value


def brand(text: str) -> str:
    """A colour that white words can be read on (4.5:1). Raises Refused."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise Refused(N_("Enter the colour as # and six digits or letters, for example #0b5c8a"), field="brand")
    linear = [(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4) for c in (int(text[i : i + 2], 16) / 255 for i in (1, 3, 5))]
    if 1.05 / (0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2] + 0.05) < 4.5:
        raise Refused(N_("White words cannot be read on this colour. Choose a darker one"), field="brand")
    return text.lower()


def iban(text: str) -> str:
    """An account number whose check digits fit (ISO 13616), without spaces. Raises Refused."""
    number = re.sub(r"\s", "", text).upper()
    if (
        not re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", number)
        or int("".join(str(int(c, 36)) for c in number[4:] + number[:4])) % 97 != 1
    ):
        raise Refused(N_("Check the account number: its digits do not fit together"), field="iban")
    return number


# What others go by, and so cannot change under them: a contract keeps the building of its premises, and the billing feed knows a
# building by its address: it would make the old one anew, and take the contracts away from whoever manages this one.
BY_BILLING = N_("This stays as it is: the billing system has contracts here. Correct it there")
HELD_BY: dict[type[Table], str] = {
    Company: N_("This stays as it is: contracts or people of the company go by it. Add the other company and put the contracts there"),
}
HELD: dict[tuple[type[Table], str], Callable[[Any], bool]] = {
    (Premises, "building"): lambda flat: Contract.select().where(Contract.premises == flat.id).exists(),
    (Building, "address"): lambda house: Contract.select().where((Contract.building == house.id) & Contract.run.is_null(False)).exists(),
    (Company, "code"): lambda company: any(
        model.select().where(model.company == company.id).exists() for model in (Contract, Head, Representative, Invitation)
    ),
}
BOUNDS: dict[tuple[type[Table], str], tuple[int, int]] = {
    (Building, "reading_opens_on"): (1, 28),
    (Building, "reading_closes_on"): (1, 31),
    (Meter, "digits"): (1, MOST_DIGITS),
    (MeterKind, "digits"): (1, MOST_DIGITS),
}
CHECKS: dict[tuple[type[Table], str], Callable[[str], str]] = {
    (Organisation, "brand"): brand,
    (Provider, "iban"): iban,
    (Company, "email"): details.address,
    (Company, "phone"): details.phone,
    (Company, "email_domain"): details.company_domain,
}
# What must be made anew in other rows when a column changes.
FOLLOWERS: dict[tuple[type[Table], str], Callable[[Any], None]] = {(Building, "address"): places.renamed}
