"""The house holds itself: who may import whom, every route has its rule, nothing unsafe in the sources."""

import ast
import re
from collections.abc import Collection
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import pytest

from config import ROOT
from rules import access, events

# house part -> what of ours it may import
MAY_IMPORT = {
    "config": set(),
    "tables": set(),
    "models": {"tables"},
    "formats": set(),
    "rules": {"models", "rules"},
    "integrations": {"config", "formats", "integrations"},
    "watch": set(),
    "tasks": {"rules", "models", "integrations", "config", "watch"},
    "i18n": {"models", "rules", "config", "formats"},
    "web": {"models", "rules", "config", "i18n", "watch"},
    "health": {"models", "rules", "web", "watch"},
    "customer": {"rules", "models", "integrations", "tasks", "i18n", "web", "health", "config", "formats", "customer"},
    "backoffice": {"rules", "models", "integrations", "tasks", "i18n", "web", "health", "config", "formats", "backoffice"},
    "worker": {"models", "tasks", "backoffice"},
    "wsgi": {"config", "customer", "backoffice", "portal", "mailbox", "simulators"},
    "backups": {"models", "rules", "integrations"},
    "portal": {"backups", "config", "models", "rules", "integrations", "tasks", "web", "formats", "demo", "portal"},
    "demo": {"config", "models", "rules", "integrations", "tasks", "formats", "demo"},
    "mailbox": {"config", "models", "rules", "integrations", "formats", "portal"},
    "simulators": {"config", "formats", "integrations", "simulators"},
}
# Outside libraries that have one home.
HOMES = {
    "flask": {"i18n", "web", "health", "customer", "backoffice", "mailbox", "portal", "simulators"},
    "wtforms": {"web", "customer", "backoffice"},
    "flask_wtf": {"web", "customer", "backoffice"},
    "flask_admin": {"backoffice"},
    "flask_login": {"web", "backoffice"},
    "huey": {"tasks"},
    "smtplib": {"integrations"},
    "prometheus_client": {"watch"},
    "typst": {"integrations"},
    "lxml": {"integrations", "simulators"},
    "xlsxwriter": {"integrations"},
    "urllib3": {"integrations"},
    "joserfc": {"integrations", "simulators"},
}


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def sources(*parts: str) -> list[Path]:
    found = [p for p in ROOT.glob("*.py") if part(p) in MAY_IMPORT]
    found += [p for name in MAY_IMPORT for p in (ROOT / name).rglob("*.py")]
    return [p for p in sorted(found) if not parts or part(p) in parts]


def imports(text: str) -> set[str]:
    """The top names that a source imports."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module.split(".")[0])
    return names


def strangers(home: str, text: str) -> set[str]:
    """What a source of `home` imports and may not."""
    found = imports(text)
    ours = {name for name in found & set(MAY_IMPORT) if name not in MAY_IMPORT[home] and name != home}
    return ours | {name for name in found & set(HOMES) if home not in HOMES[name]}


@pytest.mark.parametrize("path", sources(), ids=lambda p: str(p.relative_to(ROOT)))
def test_each_file_imports_only_what_its_place_allows(path: Path) -> None:
    assert not strangers(part(path), path.read_text())


def test_a_planted_import_in_the_wrong_direction_is_found() -> None:
    assert strangers("rules", "import flask\nfrom tasks import huey\n") == {"flask", "tasks"}
    assert strangers("customer", "from backoffice.desk import Desk") == {"backoffice"}
    assert strangers("models", "from rules import access") == {"rules"}


def files_of_ours(text: str, known: Collection[str]) -> set[str]:
    """The files of ours that a source imports, by their dotted names; inside a function too."""
    named: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {whole if (whole := f"{node.module}.{alias.name}") in known else node.module for alias in node.names}
    return named & set(known)


def test_no_part_and_no_file_imports_in_a_circle() -> None:
    parts = {home: allowed - {home} for home, allowed in MAY_IMPORT.items()}
    TopologicalSorter(parts).prepare()
    texts = {".".join(p.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): p.read_text() for p in sources()}
    files = {name: files_of_ours(text, texts) for name, text in texts.items()}
    TopologicalSorter(files).prepare()
    inside = files_of_ours("def job():\n    from backoffice import create_app, exports\n", texts)
    assert inside == {"backoffice", "backoffice.exports"}
    with pytest.raises(CycleError):
        TopologicalSorter(files | {"tasks": files["tasks"] | inside}).prepare()


# ---- routes -----------------------------------------------------------------------------------------------------------


def endpoints(app: Any) -> set[str]:
    return {rule.endpoint for rule in app.url_map.iter_rules()}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_every_route_of_both_sites_has_a_declared_policy_and_no_policy_is_stale(db: object, customer_app: Any, staff_app: Any) -> None:
    for app in (customer_app, staff_app):
        assert endpoints(app) == set(app.config["ROUTES"])
        for endpoint, rule in app.config["ROUTES"].items():
            assert rule in {access.ANYONE, access.SIGNED_IN, None} or rule in access.DEEDS, endpoint


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_what_is_open_to_anyone_fits_on_one_screen(db: object, customer_app: Any, staff_app: Any) -> None:
    """Opening a page to the world is a decision: it must be made here too."""
    open_pages = {
        app.name: sorted(e for e, rule in app.config["ROUTES"].items() if rule == access.ANYONE and "static" not in e)
        for app in (customer_app, staff_app)
    }
    assert open_pages == OPEN_PAGES


OPEN_PAGES = {
    "customer": [
        "account.confirm_email", "account.confirm_new_email", "account.undo_email",
        "health.live", "health.metrics", "health.ready", "home.language", "home.organisations",
        "identity.begin", "identity.callback", "identity.cancel", "identity.code", "identity.finish", "identity.not_me", "identity.qr",
        "identity.send_code_again", "identity.state", "identity.wait",
        "invitations.opened",
        "register.check_mail", "register.confirm_code", "register.confirm_link", "register.register",
        "register.send_code_again",
        "sign_in.forgotten_password", "sign_in.locked", "sign_in.reset_password", "sign_in.reset_sent",
        "sign_in.sign_in", "sign_in.unlock", "visits.begin", "visits.end", "visits.over",
    ],
    "staff": ["health.live", "health.metrics", "health.ready", "sign_in.accept", "sign_in.language", "sign_in.sign_in"],
}  # fmt: skip


# ---- words and sources ------------------------------------------------------------------------------------------------


def test_deeds_and_events_are_named_area_dot_verb() -> None:
    for name in [*access.DEEDS, *events.FACTS]:
        assert re.fullmatch(r"[a-z]+\.[a-z_]+", name), name
    assert list(events.FACTS) == sorted(events.FACTS)


FORBIDDEN = {
    r"\.get_by_id\(": ("customer", "backoffice"),
    r"utcnow\(|datetime\.now\(\)": tuple(MAY_IMPORT),
    r"(?<![\w.])float\(": ("models", "tables", "rules", "integrations"),
    r"DecimalField\(|FloatField\(": ("tables",),
    r"render_template_string|\|\s*safe\b": ("customer", "backoffice", "i18n", "web"),
    r"csrf\.exempt|_exempt_views": tuple(MAY_IMPORT),
    r"can_delete = True|column_editable_list = \(": ("backoffice",),
    r"except Exception:\s*pass": tuple(MAY_IMPORT),
    r"Markup\(f\"|Markup\(\".*\" %": tuple(MAY_IMPORT),
    r"TODO|FIXME": tuple(MAY_IMPORT),
}


@pytest.mark.parametrize("pattern", FORBIDDEN)
def test_nothing_that_has_hurt_others_stands_in_the_sources(pattern: str) -> None:
    for path in sources(*FORBIDDEN[pattern]):
        found = re.search(pattern, path.read_text())
        assert not found, f"{path.relative_to(ROOT)}: {found and found.group()}"


def test_no_template_switches_escaping_off_or_carries_inline_code() -> None:
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text()
        if "email" in path.parts:
            continue  # mail programs read no style sheets
        assert not re.search(r"\|\s*safe\b|autoescape false|\sstyle=|\son[a-z]+=\"|javascript:", text), path.relative_to(ROOT)


def test_no_table_has_a_field_whose_name_breaks_its_form() -> None:
    """`meta` makes every form page fail; `validate` passes every form (both measured in Flask-Admin)."""
    import models

    taken = {"meta", "process", "validate", "populate_obj", "data", "errors", "get", "update", "hidden_tag", "csrf_token"}
    for table in models.TABLES:
        assert not taken & set(table._meta.fields), table.__name__


def test_every_table_of_an_organisation_says_which() -> None:
    import models

    free = {
        "Organisation",
        "Staff",
        "SavedView",
        "Presence",
        "Session",
        "Device",
        "Lockout",
        "Counter",
        "Confirmation",
        "StaffBuilding",
        "Seal",
        "Event",
        "Message",
        "Export",
        "ExportedAccount",
        "FormKey",
        "JobRun",
        "Worker",
    }
    for table in models.TABLES:
        assert issubclass(table, models.Owned) or table.__name__ in free, table.__name__
