"""The rows of a table of the backoffice, as HTML. Said here and not in a template, where each of four hundred pieces passes through every
block around it: a list's fifty rows took longer to write than to find (performance G5)."""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from markupsafe import Markup, escape

NOTHING = "–"


class Column(NamedTuple):
    """A column as the list shows it. `look` is "right" for figures, "short" for what must not be broken over two lines; `order` is the
    address when the heading is pressed, `now` how it is ordered: "", "up", "down"."""

    name: str
    label: str
    look: str
    order: str
    now: str


class Line(NamedTuple):
    """One row as the list shows it: its key, its own page, its name in words and its cells as (text, smaller text under it)."""

    key: str
    url: str
    title: str
    cells: list[tuple[Any, Any]]


def rows(columns: Iterable[Column], lines: Iterable[Line], select: str = "") -> Markup:
    """The lines as table rows: the first cell heads its row and leads to the row's page, where it has one. With `select`, the word
    for it, each can be ticked. On a phone a row is a card: the roles keep it a table, and each cell says its column's label."""
    opened = [_opened(column.label, column.look) for column in columns]
    said: list[str] = []
    say = said.append
    tick = Markup('" aria-label="{} ').format(select) if select else ""
    for key, url, title, cells in lines:
        say('<tr role="row">')
        if select:
            said += ('<td class="tick" role="cell"><input type="checkbox" name="rowid" value="', key, tick, escape(title), '"></td>')
        is_first = True
        for (plain, nil), (text, second) in zip(opened, cells, strict=True):
            if is_first:
                said += (HEAD_LINK, escape(url), '">', escape(text), "</a>") if url else (HEAD, escape(text))
            else:
                say(nil if text == NOTHING else plain)
                say(escape(text))
            if second:
                said += ('<span class="second">', escape(second), "</span>")
            say("</th>" if is_first else "</td>")
            is_first = False
        say("</tr>\n")
    return Markup("".join(said))  # noqa: S704 -- of marks that stand here, and of values that are escaped


HEAD = '<th scope="row" role="rowheader">'
HEAD_LINK = f'{HEAD}<a href="'


@functools.lru_cache(maxsize=4096)
def _opened(label: str, look: str) -> tuple[str, str]:
    """How a cell of this column begins, and how an empty one does."""
    plain, nil = (Markup(' class="{}"').format(kind.strip()) if kind.strip() else "" for kind in (look, f"{look} nil"))
    begin = Markup('<td role="cell" data-label="{}"{}>').format
    return begin(label, plain), begin(label, nil)
