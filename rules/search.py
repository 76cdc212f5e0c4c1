"""Finding rows by what somebody typed, on both databases and however many rows there are.

What was typed is recognised: an e-mail address, a phone number, a payer code or the number of a meter or a bill are looked up by
their beginning, each along its own index; anything else is words, each looked for anywhere in the folded text of a row. WAYS says for
each table which of these fit it, and in which order they are tried: the first that finds anything answers. There is never an OR.

Words that few rows have give those rows; where many do, the rows are gone through in the order of the list, which soon meets enough.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol

import peewee as pw

from models import (
    NOTHING,
    Account,
    Building,
    Company,
    Contract,
    Invitation,
    Invoice,
    Membership,
    Message,
    Meter,
    Premises,
    Reading,
    Representative,
    Staff,
    SyncProblem,
    Table,
    ThirdPartyPayer,
    database,
    fold,
    payer_code_key,
)
from rules import details
from rules.refusal import Refused

LONGEST, MOST_WORDS = 100, 10  # an address has seven
SHORTEST = 3  # letters: the index knows nothing shorter
FEW = 1000
PHONE = re.compile(r"[+\d][\d ()-]{7,}")
DIGIT, MAIL = re.compile(r"\d"), re.compile(r"[^ ]+@[^ ]*")


@dataclass(frozen=True)
class Found:
    """The rows that fit, within the reach of who asked. `by`: the column whose index finds them and so orders them."""

    rows: Any
    condition: Any
    by: Any = None
    is_few: bool = True
    is_empty: bool = False


class Way(Protocol):
    """One way to find rows of a table."""

    def find(self, model: type[Table], viewer: Any, text: str) -> Found | None:
        """The rows that `text` finds; None where this way is not for such a text."""

    def exactly(self, model: type[Table], text: str) -> Any:
        """The condition for rows that are called `text` and nothing else; None where this way knows none."""


def find(model: type[Table], viewer: Any, text: str, *, is_own: bool = False) -> Found:
    """The rows of `model` that fit what was typed, within `viewer`'s reach (IB-61, CV-37); `is_own`: by what they say themselves."""
    for way in WAYS[model]:
        found = None if is_own and isinstance(way, Through) else way.find(model, viewer, text)
        if found is not None and not found.is_empty:
            return found
    return Found(model.within(viewer).where(NOTHING), NOTHING, is_empty=True)


def exact(models: Iterable[type[Table]], viewer: Any, text: str) -> list[Table]:
    """The rows of these tables that bear exactly this address, phone or number: two at most, who has one goes straight to it."""
    rows: list[Table] = []
    for model in models:
        for way in WAYS[model]:
            condition = way.exactly(model, text)
            if condition is not None and len(rows) < 2:
                rows.extend(model.within(viewer).where(condition).order_by(model.id).limit(2 - len(rows)))
    return rows


def is_too_short(text: str) -> bool:
    """Whether no index can look for `text`: it has words, and not three letters."""
    return 0 < len(fold(text)) < SHORTEST and not DIGIT.search(text)


def is_too_long(text: str) -> bool:
    """Whether nobody types so much to find a row."""
    return len(text) > LONGEST or len(text.split()) > MOST_WORDS


# ---- by the beginning of a number or an address -----------------------------------------------------------------------


def as_typed(text: str) -> list[str]:
    """How a number may be kept: as it was typed, or as it is heard on the phone."""
    return [text] if text == text.upper() else [text, text.upper()]


@dataclass(frozen=True)
class Begins:
    """By the beginning of `column`, which has an index with the organisation and one without."""

    column: str
    needs: re.Pattern[str] = re.compile("")
    spelled: Callable[[str], list[str]] = as_typed

    def find(self, model: type[Table], viewer: Any, text: str) -> Found | None:
        spellings = [spelling for spelling in self.spelled(text) if spelling] if self.needs.search(text) else []
        if not spellings:
            return None
        field, within = getattr(model, self.column), model.within(viewer)
        counts = _count([within.where(_starts_with(field, spelling)) for spelling in spellings])
        best = next((place for place, count in enumerate(counts) if count), 0)
        condition = _starts_with(field, spellings[best])
        return Found(within.where(condition), condition, field, counts[best] <= FEW, not counts[best])

    def exactly(self, model: type[Table], text: str) -> Any:
        return getattr(model, self.column).in_(self.spelled(text)) if self.needs.search(text) else None


def _starts_with(field: Any, text: str) -> Any:
    """`field` begins with `text`, so that an index serves it (LIKE would not: it knows no case)."""
    return (field >= text) & (field < text + "\U0010ffff")


def _count(queries: list[Any]) -> list[int]:
    """How many rows each has, up to one more than few, in one statement."""
    some = [query.select(pw.SQL("1")).limit(FEW + 1).alias("some") for query in queries]
    return list(pw.Select(columns=[pw.Select([one], [pw.fn.COUNT(pw.SQL("*"))]) for one in some]).bind(database).tuples().execute()[0])


# ---- by words ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """By words anywhere in `search_key`; `is_small`: a table that is read through, having no index of words."""

    is_small: bool = False

    def find(self, model: type[Table], viewer: Any, text: str) -> Found | None:
        return _inside(model, viewer, fold(text).split(), self.is_small)

    def exactly(self, model: type[Table], text: str) -> Any:
        return None


class Phone:
    """A phone number however it was said: 8 600 00000, 0 600 00000. It stands in `search_key` as `details.phone` spells it."""

    def find(self, model: type[Table], viewer: Any, text: str) -> Found | None:
        number = self._number(text)
        return _inside(model, viewer, [number]) if number else None

    def exactly(self, model: Any, text: str) -> Any:
        number = self._number(text)
        return model.id.in_(pw.SQL(_listed(_with(model, [number])))) & (model.phone == number) if number else None

    def _number(self, text: str) -> str | None:
        try:
            return details.phone(text) if PHONE.fullmatch(text) else None
        except Refused:
            return None


def _inside(model: Any, viewer: Any, words: list[str], is_small: bool = False) -> Found | None:
    within = model.within(viewer)
    if is_small:
        condition = _all(model.search_key.contains(word) for word in words)
        return Found(within.where(condition), condition)
    if sum(map(len, words)) + len(words) - 1 < SHORTEST:
        return None
    ids = _with(model, words)
    if len(ids) > FEW:
        # However the database would guess: along the order of the list, asking each row.
        condition = _unindexed(_all(model.search_key.contains(word) for word in words))
        return Found(within.where(condition), condition, is_few=False)
    condition = model.id.in_(pw.SQL(_listed(ids)))
    if within._where is not None:
        within = model.select().where(_unindexed(within._where))  # by these keys, and by nothing else
    return Found(within.where(condition), condition, is_empty=not ids)


def _with(model: Any, words: list[str]) -> list[int]:
    """The keys of rows that have all these words, of whichever organisation: one more than few at most."""
    long = [word for word in words if len(word) >= SHORTEST]
    long, short = (long, [word for word in words if word not in long]) if long else ([" ".join(words)], [])
    if isinstance(database.obj, pw.SqliteDatabase):
        index = pw.Table(f"{model._meta.table_name}_words")
        quoted = " ".join('"{}"'.format(word.replace('"', '""')) for word in long)
        conditions = [pw.Expression(pw.SQL(model._meta.table_name + "_words"), "MATCH", quoted)]
        conditions += [index.c.search_key.contains(word) for word in short]
        query = index.select(pw.SQL("rowid")).where(*conditions)
    else:
        query = model.select(model.id).where(*(model.search_key.contains(word) for word in [*long, *short]))
    return [id_ for (id_,) in query.limit(FEW + 1).bind(database).tuples().execute()]


def _listed(ids: list[int]) -> str:
    return f"({', '.join(map(str, ids))})" if ids else "(NULL)"


def _all(conditions: Iterable[Any]) -> Any:
    whole: Any = None
    for condition in conditions:
        whole = condition if whole is None else whole & condition
    return NOTHING if whole is None else whole


def _unindexed(condition: Any) -> Any:
    """`condition`, in words that make neither database look for an index."""
    return pw.Expression(condition, "IS", pw.SQL("TRUE"))


# ---- by what a row belongs to -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Through:
    """By the row that foreign key `relation` names: in its own ways, or in these."""

    relation: str
    ways: tuple[Way, ...] = ()

    def find(self, model: type[Table], viewer: Any, text: str) -> Found | None:
        relation = getattr(model, self.relation)
        other = relation.rel_model
        for way in self.ways or WAYS[other]:
            found = way.find(other, viewer, text)
            if found is None or found.is_empty:
                continue
            if found.is_few:
                condition = relation.in_(found.rows.select(other.id))
            else:
                condition = pw.fn.EXISTS(other.within(viewer).select(pw.SQL("1")).where((other.id == relation) & found.condition))
            return Found(model.within(viewer).where(condition), condition, is_few=found.is_few)
        return None

    def exactly(self, model: type[Table], text: str) -> Any:
        return None


# ---- what fits which table --------------------------------------------------------------------------------------------

KINDS: tuple[type[Table], ...] = (Account, Contract, Building, Meter, Invoice)  # what the one box of the backoffice looks for
NUMBER = Begins("number", re.compile(r"\d|^[^ ]+$"))
WAYS: dict[type[Table], tuple[Way, ...]] = {
    Account: (Begins("email_key", MAIL, lambda text: [text.casefold()]), Phone(), Words()),
    Contract: (Begins("payer_code_key", DIGIT, lambda text: [payer_code_key(text)]), Words()),
    Building: (Words(),),
    Premises: (Through("building"),),
    Meter: (NUMBER, Through("contract")),
    Reading: (Through("meter", (NUMBER,)), Through("contract")),
    Invoice: (NUMBER, Through("contract")),
    Membership: (Through("account"), Through("contract")),
    ThirdPartyPayer: (Through("account"), Through("contract")),
    Message: (Begins("to", spelled=lambda text: list(dict.fromkeys([text, text.casefold()]))),),
    SyncProblem: (Begins("reference"),),
    Staff: (Words(is_small=True),),
    Company: (Words(),),
    Representative: (Through("account"), Through("company")),
    Invitation: (Begins("email_key", MAIL, lambda text: [text.casefold()]), Through("company")),
}
