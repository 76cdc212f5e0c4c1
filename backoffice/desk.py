"""Desk: Flask-Admin taught the rules of the house, once. A desk is a declaration (`desks/`): labels, help and choices come from
models.py, who may do what from rules/access.py, and which rows there are from the table's own `within(viewer)`.

Attributes keep Flask-Admin's names where it has one. What a desk adds: `tabs` (saved views), `commands` (buttons bound to a rule),
`related` (other desks' rows of this row) and `second_lines`. How a table is searched stands in `rules/search.py`.
"""

import functools
import re
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

import peewee as pw
from flask import abort, redirect, request
from flask_admin import expose
from flask_admin.contrib.peewee import ModelView
from flask_babel import gettext as _, lazy_gettext

import formats
import i18n
import web
from backoffice import acts, cells, exports, fields, listing, looked, saved, timeline
from backoffice.acts import Command
from backoffice.grid import Column, Line
from backoffice.listing import Tab
from models import N_, Event, Table, sort_key
from rules import access, presence, rows, search

RELATED = 5


class Desk(ModelView):
    """The pages of one table: list, row, form, acts, file. Nothing is deleted here: ending a row is a rule."""

    model: type[Any]
    endpoint_name = ""  # where it is not the class's own
    title = ""  # what the desk is called; the table's plural
    add, add_button = "", N_("Save")  # the heading of the page that adds a row, and its button
    tabs: tuple[Tab, ...] = ()
    all_rows = N_("All")
    commands: tuple[Command, ...] = ()
    related: tuple[tuple[str, str], ...] = ()  # (endpoint of another desk, its foreign key to this table)
    part_columns: tuple[str, ...] = ()  # fewer columns, where a few rows stand on the page of another row
    second_lines: dict[str, str] = {}  # a column, and the one that stands smaller under it
    extra_columns: tuple[str, ...] = ()  # read, not shown: what `shown` needs besides
    shown: dict[str, Callable[[dict[str, Any]], Any]] = {}  # columns written in their own way, from all that was read of the row
    in_words: tuple[str, ...] = ()  # of those, what a file says like the list does
    read_as: dict[str, Callable[[Any], Any]] = {}  # columns that are read as something else than their own value
    empty = (N_("Nothing here yet"), N_("Rows will appear here as they come."))
    search_hint = N_("Search")
    verbs: dict[str, str] = {}  # where the deed of a page is not called like the page: {"create_view": "invite"}
    own_pages: dict[str, str] = {}  # pages that this desk alone has, and the verb that opens each
    changed_event = ""

    can_delete = False
    can_view_details = True
    column_filters: Any = ()
    form_base_class = web.Form
    list_template = "admin/model/list.html"
    details_template = "admin/model/details.html"
    create_template = edit_template = "admin/model/form.html"

    def __init__(self, menu: str) -> None:
        self.table = self.model.__name__.lower()
        self.column_labels = {name: lazy_gettext(label) for name, label in {**dict(self._labels()), **(self.column_labels or {})}.items()}
        kebab = self.endpoint_name or re.sub(r"(?<!^)(?=[A-Z])", "-", type(self).__name__).lower()
        super().__init__(
            self.model,
            name=lazy_gettext(self.title),
            category=lazy_gettext(menu),
            endpoint=kebab.replace("-", "_"),
            url=f"/{kebab}",
        )
        self.sortable = dict(self._sortable_columns)

    def _labels(self) -> Iterable[tuple[str, str]]:
        names = {
            *self.column_list,
            *self.part_columns,
            *self.second_lines.values(),
            *(self.column_details_list or ()),
            *(self.form_columns or ()),
        }
        names |= {*self.column_filters, *(["organisation.name"] if "organisation" in self.model._meta.fields else [])}
        for name in names:
            *steps, named = self._path(name)
            # A related row is called by what it is to this one: "provider.name" is the provider.
            is_called_by_relation = steps and (named.name.startswith("name") or steps[-1].name in ("building", "run"))
            yield name, str((steps[-1] if is_called_by_relation else named).verbose_name)

    @functools.cache  # noqa: B019 -- a desk lives as long as the process
    def _labels_in(self, _language: str) -> dict[str, str]:
        """What the columns are called, in the language of this request: a label is on a page once for each row."""
        return {name: str(label) for name, label in self.column_labels.items()}

    @classmethod
    def _path(cls, name: str) -> list[pw.Field]:
        """The fields that a dotted name leads through; a "name" that has one column for each language is the reader's."""
        model, path = cls.model, []
        for step in name.split("."):
            columns = model._meta.fields
            path.append(columns[step] if step in columns else columns[f"{step}_{i18n.language()}"])
            model = getattr(path[-1], "rel_model", None)
        return path

    # ---- what Flask-Admin would make and this house makes otherwise

    def init_actions(self) -> None:
        self._actions, self._actions_data = [], {}

    def get_filters(self) -> None:
        return None

    def init_search(self) -> bool:
        return self.model in search.WAYS

    def scaffold_form(self) -> Any:
        return fields.form_class(self)

    def _run_view(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        return fn(self, *args, **kwargs)

    def create_blueprint(self, admin: Any) -> Any:
        """Beside the pages of every desk, each command has an address and a deed of its own."""
        made = super().create_blueprint(admin)
        for command in self.commands:
            made.add_url_rule(f"/{command.name.replace('_', '-')}/", command.name, self._page_of(command), methods=("GET", "POST"))
        return made

    def _page_of(self, command: Command) -> Callable[[], Any]:
        def view() -> Any:
            return acts.answer(self, command)

        return view

    def routes(self) -> dict[str, str | None]:
        """Which deed opens each endpoint of this desk; None: nobody."""
        pages = {page: verb and f"{self.table}.{self.verbs.get(page, verb)}" for page, verb in access.DESK_ROUTES.items()}
        acts = {command.name: f"{self.table}.{command.name}" for command in self.commands}
        own = {page: f"{self.table}.{verb}" for page, verb in self.own_pages.items()}
        return {f"{self.endpoint}.{page}": deed if deed in access.DEEDS else None for page, deed in (pages | acts | own).items()}

    # ---- who

    def may(self, verb: str) -> bool:
        """Whether the viewer may `verb` in this table; a deed that does not exist is nobody's."""
        deed = f"{self.table}.{self.verbs.get(f'{verb}_view', verb)}"
        return deed in access.DEEDS and access.allows(web.viewer(), deed)

    def is_accessible(self) -> bool:
        return self.may("view")

    can_create = property(lambda self: self.may("create"))  # type: ignore[assignment]
    can_edit = property(lambda self: self.may("edit"))  # type: ignore[assignment]
    can_export = property(lambda self: self.may("export"))  # type: ignore[assignment]
    can_search = property(lambda self: self._search_supported)

    # ---- which rows

    def get_query(self) -> pw.ModelSelect:
        return self.model.within(web.viewer())

    def get_one(self, id: uuid.UUID) -> Any:
        """The row with this public id, if it is within the viewer's reach: else a 404 that tells nothing (T01, T18)."""
        row = self._within(id)
        looked.at(row)
        return row

    def _within(self, id: uuid.UUID) -> Any:
        return self.get_query().where(self.model.public_id == id).first() or abort(404)

    def get_pk_value(self, model: Any) -> str:
        return str(model.public_id)

    def select(self, query: pw.ModelSelect, names: Iterable[str]) -> pw.ModelSelect:
        """`query` with the public id and the values of `names` alone; "contract.address" joins what it needs, once."""
        joined: dict[tuple[str, ...], Any] = {(): self.model}
        columns = [self.model.public_id]
        for name in names:
            *steps, last = [part.name for part in self._path(name)]
            for depth in range(1, len(steps) + 1):
                path = tuple(steps[:depth])
                if path not in joined:
                    parent, step = joined[path[:-1]], path[-1]
                    relation = getattr(parent, step)
                    joined[path] = relation.rel_model.alias()
                    query = query.join_from(parent, joined[path], pw.JOIN.LEFT_OUTER, on=(relation == joined[path].id))
            column = getattr(joined[tuple(steps)], last)
            columns.append(self.read_as[name](column) if name in self.read_as else column)
        return query.select(*columns)

    def address(self, *steps: Any, **args: Any) -> str:
        """The address of the list, or of what lies under it, with these arguments."""
        base = "/".join([f"{request.script_root}{self.url}", *(str(step).replace("_", "-") for step in steps), ""])
        said = urlencode({name: value for name, value in args.items() if value})
        return f"{base}?{said}" if said else base

    # ---- the list

    @expose("/")
    def index_view(self) -> Any:
        if "view" in request.args:
            return saved.open_view(self)
        what = listing.asked(self, request.args)
        names = self.names()
        found, is_before, is_after = listing.page(self, what, self.read(names))
        for row in what.rows.values():
            looked.at(row, of=self.table)
        if what.search and not (is_before or is_after):
            looked.found(self.model, [row[0] for row in found])
        args = {name: value for name, value in request.args.items() if name not in ("after", "before", "page")}
        title, text = self.empty
        return self.render(
            self.list_template,
            columns=self.columns(what, args, names),
            lines=self.lines(found, names),
            tabs=(views := saved.tabs(self, what)),
            save_url=self.address("views", **args) if args and not any(view.is_saved and view.is_current for view in views) else "",
            chips=list(self._chips(what, args)),
            list_filters=list(self._filter_fields(what)),
            asked=args,
            kept={name: value for name, value in args.items() if name in ("tab", "sort") or name in what.rows},
            search=what.search,
            search_hint=_(self.search_hint),
            acts=self._bulk_acts(),
            previous_url=self.address(**args, before=found[0][0]) if is_before and found else None,
            next_url=self.address(**args, after=found[-1][0]) if is_after and found else None,
            last_url=self.address(**args, page="last") if is_after and found else None,
            first_url=self.address(**args) if is_before and found else None,
            here=self.address(**request.args),
            export_url=self.address("export", **args),
            clear_url=self.address(),
            is_narrowed=what.is_narrowed or what.after or what.before or what.is_last,
            empty_title=_(title),
            empty_text=_(text),
        )

    def names(self) -> tuple[str, ...]:
        """The columns that this viewer's list has: the organisation too where there are several."""
        sees_several = web.viewer().sees_install and "organisation" in self.model._meta.fields
        return (*self.column_list, "organisation.name") if sees_several else self.column_list

    def read(self, names: tuple[str, ...]) -> tuple[str, ...]:
        """What must be read to show these columns."""
        below = [self.second_lines[name] for name in names if name in self.second_lines]
        return tuple(dict.fromkeys((*names, *below, *self.extra_columns)))

    def columns(self, what: listing.Asked, args: dict[str, str], names: tuple[str, ...]) -> list[Column]:
        can_order = listing.orders(self, what.tab)
        by, is_down = what.sort.removeprefix("-"), what.sort.startswith("-")
        made, labels = [], self._labels_in(i18n.language())
        for name in names:
            is_now = name == by and not what.search
            order = self.address(**args | {"sort": name if not is_now or is_down else f"-{name}"}) if name in can_order else ""
            look = cells.look(self._path(name)[-1])
            made.append(Column(name, labels[name], look, order, ("down" if is_down else "up") if is_now else ""))
        return made

    def written(self, found: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[dict[str, Any]]:
        """The rows found, as public id and values of `names`, with every value written for the reader."""
        listed = [dict(zip(names, row[1:], strict=True)) for row in found]
        write = {name: cells.writer(self._path(name)[-1]) for name in names if name not in self.shown}
        told = {name: [write[name](row[name]) for row in listed] if name in write else [*map(self.shown[name], listed)] for name in names}
        return [dict(zip(names, values, strict=True)) for values in zip(*told.values(), strict=True)]

    def lines(self, found: list[tuple[Any, ...]], names: tuple[str, ...]) -> list[Line]:
        """The rows found, as the list shows them."""
        made, base = [], self.address()
        shown = [(name, self.second_lines.get(name, "")) for name in names]
        for row, text in zip(found, self.written(found, self.read(names)), strict=True):
            pairs = [(text[name], "" if not below or text[below] == cells.NOTHING else text[below]) for name, below in shown]
            made.append(Line(key := str(row[0]), f"{base}{key}/", str(pairs[0][0]), pairs))
        return made

    def _chips(self, what: listing.Asked, args: dict[str, str]) -> Iterable[tuple[str, str]]:
        for name, row in what.rows.items():
            yield f"{self.column_labels[name]}: {row}", self.address(**{k: v for k, v in args.items() if k != name})
        for name, value in what.choices.items():
            yield f"{self.column_labels[name]}: {self.choices(name)[value]}", self.address(**{k: v for k, v in args.items() if k != name})
        for name, days in what.days.items():
            if any(days):
                said = " – ".join(formats.day(day, i18n.language()) if day else "…" for day in days)
                yield (
                    f"{self.column_labels[name]}: {said}",
                    self.address(**{k: v for k, v in args.items() if k not in (name, f"{name}_to")}),
                )

    def _filter_fields(self, what: listing.Asked) -> Iterable[dict[str, Any]]:
        for name, (first, last) in what.days.items():
            yield {"name": name, "label": self.column_labels[name], "kind": "day", "value": first or "", "value_to": last or ""}
        for name in self.column_filters:
            if words := self.choices(name):
                label = self.column_labels[name]
                yield {"name": name, "label": label, "kind": "choice", "value": what.choices.get(name, ""), "choices": words.items()}

    def choices(self, name: str) -> dict[str, str]:
        """The values that a filter offers, in words and in their order; empty where it is not that kind of filter."""
        return self._choices_in(name, i18n.language())

    @functools.cache  # noqa: B019 -- a desk lives as long as the process
    def _choices_in(self, name: str, _language: str) -> dict[str, str]:
        return dict(sorted(((value, _(word)) for value, word in self.choice_words(name)), key=lambda item: sort_key(item[1])))

    def choice_words(self, name: str) -> Iterable[tuple[str, str]]:
        """The values of a column that has a few, and the word for each, not translated."""
        return self.model._meta.fields[name].choices or ()

    def _bulk_acts(self) -> list[tuple[str, str]]:
        return [(_(c.label), self.address(c.name)) for c in self.commands if c.is_bulk and self.may(c.name)]

    @expose("/views/", methods=("GET", "POST"))
    @expose("/views/<uuid:public_id>/", methods=("GET", "POST"))
    @web.once
    def saved_view(self, public_id: uuid.UUID | None = None) -> Any:
        return saved.page(self, public_id)

    # ---- one row

    @expose("/<uuid:public_id>/")
    def details_view(self, public_id: uuid.UUID) -> Any:
        listing.only()
        row = self.get_one(public_id)
        return self.render(self.details_template, model=row, **self.dossier(row), **self.company(row))

    @expose("/<uuid:public_id>/here/", methods=("POST",))
    def here(self, public_id: uuid.UUID) -> Any:
        """A browser says that it shows this row's page, or has left it; answered with who else has it open."""
        listing.only()
        row = self._within(public_id)  # it shows nothing of the row: no look, though the page stays open all day
        if not self.is_for_work:
            abort(404)
        (presence.leave if request.form.get("gone") else presence.arrive)(row, by=web.viewer())
        return {"says": self.company(row)["company"]}

    @property
    def is_for_work(self) -> bool:
        """Whether the viewer may change anything here."""
        return self.can_edit or any(self.may(command.name) for command in self.commands)

    def company(self, row: Any) -> dict[str, str]:
        """Who else has this row's page open, in words; on desks where one may change something."""
        if not self.is_for_work:
            return {}
        others = presence.others(row, but=web.viewer())
        return {"here_url": self.address(row.public_id, "here"), "company": " ".join(timeline.opened(name, at) for name, at in others)}

    def dossier(self, row: Any) -> dict[str, Any]:
        """What the page of a row shows: its heading, facts, acts, related rows and what happened to it."""
        return {
            "heading": self.heading(row),
            "subheading": "",
            "facts": self.facts(row),
            "acts": self.acts(row),
            "edit_url": self.address(row.public_id, "edit") if self.can_edit else "",
            "list_url": self.address(),
            "related": list(self._related(row)),
            **self.happened(row),
        }

    def heading(self, row: Any) -> str:
        return str(row)

    def named(self, row: Any) -> str:
        """A row among others, in words."""
        return str(row)

    def beside(self, row: Any) -> str:
        """What tells a row from its like, where an act asks about it."""
        return str(getattr(row, "email", ""))

    def facts(self, row: Any) -> list[tuple[str, Any]]:
        """What a row says, label by label; what says nothing is left out."""
        names = (*(self.column_details_list or self.column_list), *(["organisation.name"] if web.viewer().sees_install else []))
        names = tuple(name for name in names if name in self.column_labels)
        read = (*names, *self.extra_columns)
        said = self.written([self.select(self.get_query().where(self.model.id == row.id), read).tuples().get()], read)[0]
        return [(self.column_labels[name], said[name]) for name in names if said[name] not in (cells.NOTHING, "")]

    def acts(self, row: Any) -> list[tuple[str, str, bool]]:
        """The buttons on a row's page: what this viewer may do with it now, and which of them is the main one."""
        can = [command for command in self.commands if self.may(command.name) and command.when(row)]
        return [(_(command.label), self.address(command.name, ids=row.public_id), command.is_main) for command in can]

    def asked(self, form: Any, chosen: list[Any], title: str, consequence: str, back_url: str) -> str:
        """The page before an act, for the few that are no `Command`."""
        said = {"title": title, "consequence": consequence, "chosen": chosen, "form": form, "back_url": back_url, "is_one": True}
        return str(self.render("backoffice/command.html", tried=None, entered=[], named=self.named, beside=self.beside, **said))

    def other(self, endpoint: str) -> Any:
        """Another desk."""
        return next(view for view in self.admin._views if view.endpoint == endpoint)

    def _related(self, row: Any) -> Iterable[dict[str, Any]]:
        for endpoint, relation in self.related:
            if self.other(endpoint).may("view"):
                yield self.other(endpoint).part(relation, row)

    def _plain(self) -> listing.Asked:
        return listing.Asked("", self.column_default_sort, None, {}, {}, {}, None, None)

    def part(self, relation: str, row: Any) -> dict[str, Any]:
        """The first rows of this desk that belong to `row` through `relation`, for the page of that row."""
        what = replace(self._plain(), rows={relation: row})
        names = tuple(name for name in self.part_columns or self.column_list if not name.startswith(f"{relation}."))
        found, _before, is_more = listing.page(self, what, self.read(names), RELATED)
        url = self.address(**{relation: row.public_id}) if is_more else ""
        columns = [column._replace(order="", now="") for column in self.columns(what, {}, names)]
        lines = [line._replace(cells=[(text, "") for text, _below in line.cells]) for line in self.lines(found, names)]
        return {"title": self.name, "columns": columns, "lines": lines, "url": url}

    def hits(self, words: str) -> dict[str, Any] | None:
        """The first rows of this desk that `words` find by what they say themselves, for the page of the search box."""
        found = search.find(self.model, web.viewer(), words, is_own=True)
        names = self.part_columns or self.column_list
        by = found.by or getattr(self.model, self.sortable[self.column_default_sort.removeprefix("-")])
        ordered = found.rows.order_by(by, self.model.id) if found.by or found.is_few else found.rows
        rows = list(self.select(ordered, self.read(names)).limit(RELATED + 1).tuples()) if not found.is_empty else []
        if not rows:
            return None
        looked.found(self.model, [row[0] for row in rows])
        columns = [column._replace(order="", now="") for column in self.columns(self._plain(), {}, names)]
        url = self.address(search=words) if len(rows) > RELATED else ""
        return {"title": self.name, "columns": columns, "lines": self.lines(rows[:RELATED], names), "url": url}

    def happened(self, row: Any) -> dict[str, Any]:
        """The timeline of a row; nothing for who may not see events."""
        if not access.allows(web.viewer(), "event.view"):
            return {"events": [], "more_events_url": ""}
        about = Event.within(web.viewer()).where(self.events_of(row) & (Event.name != "account.viewed"))
        found = timeline.told(about.order_by(Event.id.desc()).limit(timeline.SHOWN))
        return {"events": found, "more_events_url": self.more_events(row) if found else ""}

    def events_of(self, row: Any) -> Any:
        """Which events are about a row."""
        return Event.subject == f"{self.table}:{row.id}"

    def more_events(self, row: Any) -> str:
        return ""

    # ---- adding and changing

    @expose("/new/", methods=("GET", "POST"))
    @web.once
    def create_view(self) -> Any:
        listing.only()
        form = self.create_form()
        if form.validate_on_submit():
            with web.asking(form):
                row = self.create(form)
                web.tell(_("%(row)s: added", row=row))
                return redirect(self.address(row.public_id), 303)
        return self.render(self.create_template, form=form, list_url=self.address(), title=_(self.add), button=_(self.add_button))

    def create_form(self, obj: Any = None) -> Any:
        form = self._create_form_class()
        if "organisation" in form and not web.viewer().sees_install:
            del form.organisation  # there is only one's own
        return form

    def create(self, form: Any) -> Any:
        return rows.create(self.model, {name: form[name].data for name in self.form_columns if name in form}, by=web.viewer())

    @expose("/<uuid:public_id>/edit/", methods=("GET", "POST"))
    @web.once
    def edit_view(self, public_id: uuid.UUID) -> Any:
        listing.only()
        row = self.get_one(public_id)
        form = self._edit_form_class(obj=row)
        if "organisation" in form:
            del form.organisation  # a row stays where it is
        if form.validate_on_submit():
            with web.asking(form):
                self.change(row, form)
                return redirect(self.address(row.public_id), 303)
        return self.render(
            self.edit_template, form=form, list_url=self.address(row.public_id), title=self.heading(row), **self.company(row)
        )

    def change(self, row: Any, form: Any) -> None:
        """Write what differs. Where somebody else was faster, say what stands there now and keep what was typed."""
        values = {name: form[name].data for name in self.form_columns if name in form}
        version = form.version.data if re.fullmatch(r"\d{1,9}", form.version.data or "") else abort(400)
        try:
            is_changed = rows.change(row, values, version=int(version), by=web.viewer(), event=self.changed_event)
        except rows.ChangedMeanwhile as newer:
            form.version.data = str(newer.row.version)
            for name in values:
                stands = getattr(newer.row, name)
                if stands != values[name]:
                    said = stands if isinstance(stands, Table) else cells.writer(self._path(name)[-1])(stands)
                    form.form_errors = [*form.form_errors, _("%(label)s is now: %(value)s", label=self.column_labels[name], value=said)]
            raise
        web.tell(_("Saved") if is_changed else _("Nothing was different, so nothing was changed"), "success" if is_changed else "info")

    @expose("/lookup/")
    def ajax_lookup(self) -> Any:
        """The words of rows that a field of this desk's forms may name."""
        listing.only("name", "query")
        loader = self._form_ajax_refs.get(request.args.get("name", ""))
        if loader is None or not (self.can_create or self.can_edit) or not access.allows(web.viewer(), f"{loader.name}.view"):
            abort(404)
        query = request.args.get("query", "")
        return [loader.format(row) for row in loader.get_list(query)] if len(query) <= search.LONGEST else abort(400)

    # ---- files

    @expose("/export/", methods=("GET", "POST"))
    def export(self) -> Any:
        """The rows of the list as a file, with its search and filters; how many left the house, and which, is written down (T22)."""
        return exports.page(self)
