"""Every sentence has its Lithuanian, whole and well-formed; no page speaks English to a Lithuanian; libraries' own words included."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask_admin
import pytest
import wtforms
from babel.messages import Catalog, Message
from babel.messages.pofile import read_po

from backoffice.desks import MENU
from config import ROOT
from integrations import mail
from models import now
from tests import world as worlds
from tests.browser import Browser
from tests.integrations.test_mail import COMMON, KINDS
from tests.test_access import THINGS, address, rules_of, values_for

FACTS = re.compile(r"%\(\w+\)[sd]|%s|\{\w+\}")
DOMAINS = ("messages", "admin", "wtforms")


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, abort_invalid=True)


def ours(domain: str, language: str = "lt") -> dict[Any, Message]:
    """The catalogue as it is kept: its messages by what is translated."""
    return {m.id: m for m in read(ROOT / "translations" / language / "LC_MESSAGES" / f"{domain}.po") if m.id}


def said(message: Message) -> list[str]:
    return [message.string] if isinstance(message.string, str) else list(message.string)


@pytest.fixture(scope="session")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> set[Any]:
    """What the sources say now, collected by the very command of `make translate`."""
    collected = tmp_path_factory.mktemp("words") / "messages.pot"
    line = next(line for line in (ROOT / "Makefile").read_text().splitlines() if " extract " in line)
    options = shlex.split(line.partition(" extract ")[2])
    options[options.index("-o") + 1] = str(collected)
    subprocess.run([sys.executable, "-m", "babel.messages.frontend", "--quiet", "extract", *options], cwd=ROOT, check=True)
    return {m.id for m in read(collected) if m.id}


def test_every_sentence_of_the_sources_is_in_the_catalogue_and_none_is_left_over(sentences: set[Any]) -> None:
    known = set(ours("messages"))
    assert len(known) > 900
    assert sentences - known == set(), "run `make translate` and translate these"
    assert known - sentences == set(), "run `make translate`: nobody says these any more"


def test_every_word_of_the_libraries_has_its_lithuanian() -> None:
    admin = Path(flask_admin.__file__).parent / "translations" / "en" / "LC_MESSAGES" / "admin.po"
    forms = Path(wtforms.__file__).parent / "locale" / "wtforms.pot"
    for source, domain in ((admin, "admin"), (forms, "wtforms")):
        theirs = {m.id for m in read(source) if m.id}
        assert len(theirs) > 30
        assert theirs - set(ours(domain)) == set(), domain


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_translation_is_missing_or_doubtful(domain: str) -> None:
    for message in ours(domain).values():
        assert not message.fuzzy, message.id
        assert all(text.strip() for text in said(message)), f"not translated: {message.id}"
        assert len(said(message)) == (1 if isinstance(message.id, str) else 3), f"Lithuanian has three plural forms: {message.id}"


@pytest.mark.parametrize("domain", DOMAINS)
def test_a_translation_names_the_same_facts(domain: str) -> None:
    for message in ours(domain).values():
        wanted = sorted(FACTS.findall(message.id if isinstance(message.id, str) else message.id[-1]))
        for text in said(message):
            assert sorted(FACTS.findall(text)) == wanted, (message.id, text)


@pytest.mark.parametrize("domain", DOMAINS)
def test_lithuanian_is_written_as_lithuanians_write(domain: str) -> None:
    """„Quotation marks“ and dashes of the language, no space twice, the same ends as the sentence has."""
    for message in ours(domain).values():
        source = message.id if isinstance(message.id, str) else message.id[-1]
        for text in said(message):
            assert not re.search(r'["“”](?=\w)|"|”|\.\.\.', text.replace("“.", "")), text
            assert text.count("„") == text.count("“"), text
            assert " - " not in text, text
            assert "  " not in text, text
            assert not re.search(r"(%\((day|opens|closes)\)s|\{\w+_on\})\.", text), f"a day ends with a full stop of its own: {text}"
            assert text.endswith(("?", ".", ":")) or not source.endswith(("?", ".", ":")), (source, text)


def test_an_account_without_contracts_is_told_so_in_the_words_of_the_portal() -> None:
    """PS-05"""
    sentence = ours("messages")["Your account is active, but you have not added any contracts yet"].string
    assert sentence == "Jūsų paskyra suaktyvuota, tačiau nesate priskyrę jokių sutarčių – tai galite padaryti čia"


# ---- pages ------------------------------------------------------------------------------------------------------------

ENGLISH = re.compile(
    r"\b(the|an|and|are|is|was|has|have|been|not|of|for|from|with|this|that|you|your|we|our|they|their|sign|signed|select|enter|add|see|show|"
    r"bill|bills|invoice|invoices|meter|meters|reading|readings|contract|contracts|account|accounts|password|phone|name|address|save|back|"
    r"page|search|filter|export|edit|change|changed|settings|organisations?|buildings?|customers?|events?|staff|yes|until)\b",
    re.IGNORECASE,
)
DATA = re.compile(r"\S+@\S+|North Heat|flask portal load-organisation|\S+_\w+|\b[a-z]+:\d+\b")


def shown(browser: Browser) -> str:
    """All that a page says: its text, its title and what is read out or hinted."""
    page = browser.page
    hinted = page.xpath("//@aria-label|//@placeholder|//@title|//@alt|//@data-label|//input[@type='submit']/@value")
    return " ".join([browser.text, *page.xpath("//head/title/text()"), *hinted])


def in_lithuanian(app: Any, world: worlds.World, who: str, prefix: str = "") -> Browser:
    browser = Browser(app, prefix=prefix)
    world.sign_in(browser, who)
    with browser.client.session_transaction(base_url=f"http://localhost{prefix}") as cookie:
        cookie["language"] = "lt"
    return browser


def english_on(browser: Browser) -> set[str]:
    return {word.lower() for word in ENGLISH.findall(DATA.sub("", shown(browser)))}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["anonymous", "owner", "stranger"])
def test_no_customer_page_speaks_english_to_a_lithuanian(db: object, customer_app: Any, who: str) -> None:
    world = worlds.build()
    browser, opened = in_lithuanian(customer_app, world, who), set()
    for rule in rules_of(customer_app):
        if "GET" not in rule.methods or rule.endpoint == "home.language":
            continue
        path = address(customer_app, rule, values_for(rule, world, "own", THINGS.get(rule.endpoint.partition(".")[0])), "/north")
        browser.get(path)
        if browser.page is not None:
            opened.add(rule.endpoint if browser.status == 200 else "")
            assert browser.page.get("lang") == "lt", path
            assert not english_on(browser), path
            assert "d.." not in browser.text, f"{path}: a day ends with a full stop of its own"
    assert opened >= (OWNERS_PAGES if who == "owner" else OPEN_PAGES)


OPEN_PAGES = {"register.register", "sign_in.sign_in", "sign_in.forgotten_password"}
OWNERS_PAGES = {"home.index", "account.view", "invoices.view", "meters.index", "meters.view", "readings.declared", "contracts.attach"}


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("who", ["anonymous", "administrator", "agent"])
def test_no_backoffice_page_speaks_english_to_a_lithuanian(db: object, staff_app: Any, who: str) -> None:
    world = worlds.build()
    world.own["account"].locked_until = now().replace(year=2999)
    world.own["account"].save()
    browser, opened = in_lithuanian(staff_app, world, who, "/backoffice"), set()
    for rule in rules_of(staff_app):
        policy = staff_app.config["ROUTES"][rule.endpoint]
        if "GET" not in rule.methods or policy is None or rule.endpoint == "sign_in.language":
            continue
        table = "organisation" if policy == "setting.change" else policy.partition(".")[0]
        path = address(staff_app, rule, values_for(rule, world, "own", table), "/backoffice")
        if rule.endpoint.partition(".")[2] in COMMANDS:
            path += f"?ids={world.own[table].public_id}"
        browser.get(path)
        if browser.page is not None:
            opened.add(rule.endpoint if browser.status == 200 else "")
            assert not english_on(browser), path
    assert opened >= {"anonymous": {"sign_in.sign_in"}, "agent": AGENTS_PAGES, "administrator": AGENTS_PAGES | {"settings.change"}}[who]


COMMANDS = {command.name for pages in MENU.values() for page in pages for command in getattr(page, "commands", ())}
AGENTS_PAGES = {
    "admin.index",
    "accounts.details_view",
    "accounts.edit_view",
    "accounts.index_view",
    "accounts.unlock",
    "accounts.change_email",
}


@pytest.mark.parametrize("kind", KINDS)
def test_no_letter_speaks_english_to_a_lithuanian(translations: None, kind: str) -> None:
    letter = mail.render(kind, "lt", KINDS[kind] | COMMON)
    read = DATA.sub("", f"{letter.subject} {letter.text}")
    assert not {word.lower() for word in ENGLISH.findall(re.sub(r"https?://\S+", "", read))}, read


# ---- libraries' own words ---------------------------------------------------------------------------------------------

FRESH = """
import json, sys
from config import load
site, order = sys.argv[1], sys.argv[2:]
if site == "customer":
    from customer import create_app
else:
    from backoffice import create_app
app = create_app(load())
prefix = "/backoffice" if site == "staff" else ""

import web, wtforms
from wtforms.validators import InputRequired

class Asked(web.Form):
    word = wtforms.StringField(validators=[InputRequired()])

def words(language):
    heard = {"Accept-Language": language}
    page = app.test_client().get("/no-such-page", headers=heard, base_url="http://localhost" + prefix).get_data(as_text=True)
    with app.test_request_context("/", method="POST", headers=heard):
        form = Asked(meta={"csrf": False})
        form.validate()
        said = {"page": "Puslapis nerastas" in page, "form": form.word.errors[0]}
    if site == "staff":
        from flask_admin.babel import gettext
        from flask_admin.form import BaseForm
        class Theirs(BaseForm):
            word = wtforms.StringField(validators=[InputRequired()])
        with app.test_request_context("/", headers=heard):
            form = Theirs()
            form.validate()
            said |= {"admin": gettext("Save"), "admin_form": form.word.errors[0]}
    return said

print(json.dumps([words(language) for language in order]))
"""


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
@pytest.mark.parametrize("order", [("en", "lt"), ("lt", "en")], ids="-".join)
@pytest.mark.parametrize("site", ["customer", "staff"])
def test_libraries_speak_the_readers_language_whichever_page_comes_first(
    translations: None, tmp_path: Path, template: str, site: str, order: tuple[str, str]
) -> None:
    """In a process of its own, whose first page is an error page: what a library keeps for good is decided there."""
    environ = os.environ | {"SAVITARNA_DATA_DIR": str(tmp_path), "DATABASE_URL": template}
    told = subprocess.run(
        [sys.executable, "-c", FRESH, site, *order], cwd=ROOT, env=environ, capture_output=True, text=True, check=True
    ).stdout
    heard = dict(zip(order, json.loads(told), strict=True))
    assert heard["lt"]["page"]
    assert not heard["en"]["page"]
    assert (heard["lt"]["form"], heard["en"]["form"]) == ("Užpildykite šį lauką.", "Fill in this field.")
    if site == "staff":
        assert (heard["lt"]["admin"], heard["en"]["admin"]) == ("Išsaugoti", "Save")
        assert (heard["lt"]["admin_form"], heard["en"]["admin_form"]) == ("Užpildykite šį lauką.", "Fill in this field.")
