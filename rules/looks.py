"""Who looked at a customer's data: staff who open a page about them, find them by a search or take a file with them (M02)."""

from collections.abc import Collection, Iterable
from typing import Any

from models import Account, Contract, Membership, Table


def is_personal(model: type[Table]) -> bool:
    """Whether the rows of a table are about customers."""
    return model is Account or model is Contract or bool({"account", "contract"} & set(model._meta.fields))


def concerned(model: type[Table], ids: Collection[Any]) -> Any:
    """Which accounts the rows of `model` with these public ids are about: a condition on `Account`."""
    rows = model.public_id.in_(list(ids))
    fields = model._meta.fields
    if model is Account:
        return rows
    found: Any = None
    if "account" in fields:
        found = Account.id.in_(model.select(fields["account"]).where(rows))
    if model is Contract or "contract" in fields:
        contracts = model.select(model.id if model is Contract else fields["contract"]).where(rows)
        holders = Account.id.in_(
            Membership.select(Membership.account).where(Membership.until_at.is_null() & Membership.contract.in_(contracts))
        )
        found = holders if found is None else found | holders
    return found


def accounts_in(model: type[Table], ids: Collection[Any], but: Iterable[int] = ()) -> list[int]:
    """The accounts that these rows are about, without those already known."""
    if not is_personal(model) or not ids:
        return []
    known = set(but)
    rows: Any = Account.select(Account.id).where(concerned(model, ids)).tuples()
    return [number for (number,) in rows if number not in known]
