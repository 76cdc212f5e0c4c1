"""Rows of another table by their words, for the fields of forms: only what the viewer may know of (T23, T24)."""

from typing import Any

import peewee as pw
from flask_admin.model.ajax import AjaxModelLoader

import web
from models import Contract, Organisation, fold

MOST_FOUND = 20


class Lookup(AjaxModelLoader):
    """A row of another table, found by the beginning of its name: only what the viewer may know of, twenty at most (T23, T24)."""

    def __init__(self, model: type[Any]) -> None:
        super().__init__(model.__name__.lower(), {})
        self.model = model
        self.folded = model._meta.fields.get("search_key")

    def rows(self) -> pw.ModelSelect:
        found = self.model.within(web.viewer())
        if self.model is Organisation:
            return found
        return found.select(self.model, Organisation).join(Organisation)

    def format(self, model: Any) -> str:
        """The words that stand for a row: with its organisation for those who see several."""
        return f"{model} · {model.organisation.name}" if web.viewer().sees_install and self.model is not Organisation else str(model)

    def get_list(self, query: str, offset: int = 0, limit: int = MOST_FOUND) -> list[Any]:
        words, ordered = fold(query.split(" · ")[0]), self.rows().order_by(self.model.sort_key, self.model.id)
        if self.folded is None:  # a short table, and no database folds as we do
            return [row for row in ordered if fold(row.name).startswith(words)][:MOST_FOUND]
        return list(ordered.where(self.folded.startswith(words)).limit(MOST_FOUND))

    def get_one(self, words: str) -> Any:
        """The row that these words stand for: exactly, or as the only one that begins so. None: there is no such row here."""
        found = self.get_list(words) if fold(words) else []
        exact = [row for row in found if fold(self.format(row)) == fold(words)]
        return exact[0] if len(exact) == 1 else found[0] if len(found) == 1 and not exact else None


class ContractLookup(Lookup):
    """A contract by the beginning of its payer code, or by all its words: along the index of codes, because there are millions."""

    def __init__(self) -> None:
        super().__init__(Contract)

    def get_list(self, query: str, offset: int = 0, limit: int = MOST_FOUND) -> list[Any]:
        words = query.split(" · ")[0]
        begun = Contract.payer_code.in_([words[:length] for length in range(1, 61)])
        found = (
            self.rows().where(Contract.payer_code.between(words, words + "\U0010ffff") | begun).order_by(Contract.payer_code, Contract.id)
        )
        return [row for row in found.limit(MOST_FOUND + len(words)) if fold(str(row)).startswith(fold(words))][:MOST_FOUND]
