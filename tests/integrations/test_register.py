"""What the register of legal entities says: by the broker's signed call, as the simulator verifies and answers it, and in files."""

import base64
import os
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from config import ROOT, Misconfigured, load
from config.identity import Place
from config.register import Register
from demo import places, ubl
from integrations.register import Entry, Head, Unavailable, Unread, extract
from integrations.register.broker import Broker
from integrations.register.files import Files
from simulators import register as simulator
from tests.conftest import CONFIG

HERE = ROOT / "tests" / "data" / "jar"
BESIDE = ROOT.parent / "shared" / "data" / "jar"
HEADS = ("VADOVAS",)
TODAY = date(2026, 11, 20)
JONAS = Head("30303039914", "Jonas", "Bandomasis", since_on=date(2019, 3, 4))


def company(facts: str = "", holders: str = "", people: str = "", code: str = "399000011") -> bytes:
    """An extract of one company."""
    return f'<JAR><OBJEKTAI OBJ_KODAS="{code}" OBJ_PAV="UAB Bandymas">{facts}{holders}</OBJEKTAI>{people}</JAR>'.encode()


def fact(holder: str = "1", kind: str = "VADOVAS", more: str = "", user: str = "") -> str:
    return f'<FAKTAI FAKT_TIPAS="{kind}" FAK_PRADZIOS_DATA="2019-03-04" {more}><FAKTU_NAUDOTOJAI OBA_ID="{holder}" {user}/></FAKTAI>'


def holder(number: str = "1", who: str = 'FIZ_ID="19"') -> str:
    return f'<OBJEKTU_ASMENYS OBA_ID="{number}" {who}/>'


def person(number: str = "19", code: str = "30303039914", name: str = "Jonas", more: str = "") -> str:
    return f'<FIZINIAI_ASMENYS FIZ_ID="{number}" FIZ_KODAS="{code}" FAV_VARDAS="{name}" FAV_PAVARDE="Bandomasis" {more}/>'


def heads_of(content: bytes, day: date = TODAY) -> list[str]:
    """The first names of those who head the company on a day, as one extract says."""
    (entry,) = extract.entries(content, HEADS)
    return [head.first_name for head in entry.heads or () if head.is_head(day)]


# ---- an extract -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", [HERE, BESIDE], ids=["here", "beside the checkout"])
def test_an_extract_names_the_company_and_its_head(folder: Path) -> None:
    """IB-31, IB-54, IB-55"""
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    found = extract.entries((folder / "broker-head-1.xml").read_bytes(), HEADS)
    assert found == [Entry("399000011", 'UAB "Bandomoji įmonė"', (JONAS,))]
    assert "30303039914" not in repr(found)


def test_several_people_may_head_a_company_together() -> None:
    two = fact("1") + fact("2"), holder("1") + holder("2", 'FIZ_ID="20"'), person() + person("20", "40404040009", "Ona")
    assert heads_of(company(*two)) == ["Jonas", "Ona"]
    one_fact = '<FAKTAI FAKT_TIPAS="VADOVAS"><FAKTU_NAUDOTOJAI OBA_ID="1"/><FAKTU_NAUDOTOJAI OBA_ID="2"/></FAKTAI>'
    assert heads_of(company(one_fact, *two[1:])) == ["Jonas", "Ona"]


@pytest.mark.parametrize(
    ("more", "user", "of_person"),
    [
        ('FAK_PABAIGOS_DATA="2026-11-19"', "", ""),
        ("", 'FNA_DATA_IKI="2026-11-19"', ""),
        ("", 'FNA_PABAIGOS_DATA="2026-11-19"', ""),
        ("", 'FNA_DATA_NUO="2026-11-21"', ""),
        ('FAK_ANUL="1"', "", ""),
        ('PROKUROS_NR="7"', "", ""),
        ("", "", 'FIZ_MIRTIES_DATA="2026-11-01"'),
        ("", "", 'FIZ_ANUL="1"'),
    ],
)
def test_who_heads_it_no_more_or_not_yet_is_no_head(more: str, user: str, of_person: str) -> None:
    assert heads_of(company(fact(more=more, user=user), holder(), person(more=of_person))) == []
    assert heads_of(company(fact(more='FAK_PABAIGOS_DATA="2026-11-20"'), holder(), person())) == ["Jonas"], "the last day counts"


def test_only_facts_of_the_configured_kinds_make_a_head() -> None:
    content = company(fact(kind="12", more='FAKP_POTIPIS="3"'), holder(), person())
    for types, count in ((("12",), 1), (("12/3",), 1), (("12/4",), 0), (("VADOVAS",), 0)):
        (entry,) = extract.entries(content, types)
        assert len(entry.heads or ()) == count, types


@pytest.mark.parametrize("who", ['OBJ_ID_ASM="5"', 'NEID_FIZ_ID="5"', 'STE_ID="5"'])
def test_a_company_or_an_unidentified_person_as_head_is_a_head_whom_nobody_can_be_recognised_as(who: str) -> None:
    (entry,) = extract.entries(company(fact(), holder(who=who)), HEADS)
    (head,) = entry.heads or ()
    assert (head.code, head.is_head(TODAY)) == ("", True)


@pytest.mark.parametrize(
    "content",
    [
        company(fact(), "", person()),
        company(fact(), holder(), ""),
        company(fact(), holder(who=""), person()),
        company('<FAKTAI FAKT_TIPAS="VADOVAS"/>'),
        company(fact(more='FAK_PABAIGOS_DATA="2026-13-45"'), holder(), person()),
        company(code=""),
        b"<JAR/>",
        b"<html/>",
        b"",
        company(fact(), holder(), person())[:-40],
        (ROOT / "tests" / "data" / "ubl" / "doctype-xxe.xml").read_bytes(),
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><JAR>&b;</JAR>',
    ],
)
def test_an_extract_with_a_part_missing_says_nothing_at_all(content: bytes) -> None:
    """T12: half an answer must not end anybody's access."""
    with pytest.raises(extract.Unreadable):
        extract.entries(content, HEADS)


# ---- the broker -------------------------------------------------------------------------------------------------------

Ask = Callable[..., list[Entry | Unread]]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[simulator.Told, Register]]:
    """The simulator over real HTTP, and how it is called."""
    config = replace(CONFIG, data_dir=tmp_path_factory.mktemp("register"))
    says = simulator.Told(simulator.companies())
    server = make_server("127.0.0.1", 0, simulator.create_app(config, says), threaded=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    settings = Register("simulator", f"http://127.0.0.1:{server.port}/").settled(config.place)
    yield says, settings
    server.shutdown()


@pytest.fixture
def ask(told: tuple[simulator.Told, Register]) -> Iterator[Ask]:
    """Ask the broker about companies, while it misbehaves in some way, called in some way."""
    says, settings = told

    def ask(*codes: str, misbehaves: str = "", **called: object) -> list[Entry | Unread]:
        says.misbehaves = misbehaves
        return list(Broker(replace(settings, **called)).entries(codes))  # type: ignore[arg-type]

    yield ask
    says.misbehaves = ""


@pytest.mark.parametrize("shape", ["soap", "rest"])
@pytest.mark.parametrize("hash_", ["SHA-256", "SHA-1"])
def test_the_broker_answers_a_call_that_is_signed(ask: Ask, shape: str, hash_: str) -> None:
    joint, farm = ask("999000114", "999000155", shape=shape, hash=hash_)
    assert isinstance(joint, Entry)
    assert isinstance(farm, Entry)
    assert [head.first_name for head in joint.heads or ()] == ["Ona", "Vardutis"]
    assert [(head.first_name, head.is_head(TODAY)) for head in farm.heads or ()] == [("Jonas", False), ("Rasa", True)]


def test_a_call_with_another_key_is_not_answered(ask: Ask, tmp_path: Path) -> None:
    simulator.prepare(tmp_path)
    with pytest.raises(Unavailable, match="500"):
        ask("999000114", private_key=str(tmp_path / "caller.pem"))
    with pytest.raises(Unavailable, match="private key"):
        ask("999000114", private_key=str(tmp_path / "none.pem"))


@pytest.mark.parametrize(("misbehaves", "why"), [("another", "another"), ("cut", "unreadable"), ("refuse", "refused")])
def test_an_answer_that_says_nothing_of_the_company_is_put_aside(ask: Ask, misbehaves: str, why: str) -> None:
    """T12"""
    (answer,) = ask("999000114", misbehaves=misbehaves)
    assert isinstance(answer, Unread)
    assert (answer.company_code, answer.why) == ("999000114", why)


def test_a_code_that_is_none_is_not_sent(ask: Ask) -> None:
    assert ask("1</obj_kodas>") == [Unread("1</obj_kodas>", "refused", "not a code of the register")]


@pytest.mark.parametrize("misbehaves", ["fault", "page"])
def test_an_error_page_says_nothing_of_any_company(ask: Ask, misbehaves: str) -> None:
    with pytest.raises(Unavailable):
        ask("999000114", misbehaves=misbehaves)


def test_nobody_there_is_said_so(ask: Ask) -> None:
    with pytest.raises(Unavailable):
        ask("999000114", base_url="http://127.0.0.1:9/")


def test_the_simulator_knows_every_company_of_the_demo(ask: Ask) -> None:
    codes = {*places.CUSTOMER_CODES, *ubl.COMPANIES.values()}
    assert codes == set(simulator.companies())
    assert [type(answer) for answer in ask(*codes)] == [Entry] * len(codes)


# ---- files ------------------------------------------------------------------------------------------------------------


def files(folder: Path, **written: str | bytes) -> Files:
    for moment, (name, content) in enumerate(written.items()):
        path = folder / name.replace("__", ".")
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        os.utime(path, (moment, moment))
    return Files(folder, HEADS)


TABLE = """company_code;personal_code;first_name;last_name;since;until
399000011;40404040009;Ona;Pavyzdienė;2020-01-01;
399000011;30303039914;Jonas;Bandomasis;2019-03-04;2019-12-31
399000029;;;;;
"""


def test_a_table_of_heads_is_read_and_an_empty_code_says_that_there_is_none(tmp_path: Path) -> None:
    """IB-33, IB-55"""
    first, second = files(tmp_path, heads__csv=TABLE).entries(["399000011", "399000029", "399000036"])
    assert isinstance(first, Entry)
    assert isinstance(second, Entry)
    assert [(head.first_name, head.is_head(TODAY)) for head in first.heads or ()] == [("Ona", True), ("Jonas", False)]
    assert second.heads == ()


@pytest.mark.parametrize("folder", [HERE, BESIDE], ids=["here", "beside the checkout"])
def test_the_open_data_know_names_and_legal_status_and_nothing_of_heads(folder: Path, tmp_path: Path) -> None:
    if not folder.is_dir():
        pytest.skip(f"{folder} is not there")
    names = [path.name for path in sorted(folder.iterdir())]
    assert names == ["broker-head-1.xml", "iregistruoti-synthetic.csv"]
    for number, name in enumerate(names):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
        os.utime(tmp_path / name, (number, number))
    found = {entry.code: entry for entry in Files(tmp_path, HEADS).entries(["399000011", "399000036", "399000029"])}  # type: ignore[union-attr]
    assert found["399000011"] == Entry("399000011", 'UAB "Bandomoji įmonė"', (JONAS,), status="")
    assert found["399000036"] == Entry("399000036", "UAB Skyrikliai", None, status="Likviduojamas")
    assert found["399000029"].name == "Žemės ūkio bendrovė „Ąžuolas“"


def test_what_is_delivered_later_stands(tmp_path: Path) -> None:
    later = TABLE.replace("40404040009;Ona;Pavyzdienė", "40504040001;Rasa;Bandomoji")
    (entry, _) = files(tmp_path, b__csv=TABLE, a__csv=later).entries(["399000011", "399000029"])
    assert isinstance(entry, Entry)
    assert [head.first_name for head in entry.heads or ()] == ["Rasa", "Jonas"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("heads__csv", TABLE.replace("30303039914", "30303039915")),
        ("heads__csv", TABLE.replace("2019-12-31", "31.12.2019")),
        ("heads__csv", TABLE + "399000011;404"),
        ("heads__csv", "a;b\n1;2\n"),
        ("heads__csv", TABLE.encode("utf-16")),
        ("heads__xml", company(fact())),
        ("heads__pdf", "PDF"),
    ],
)
def test_a_file_with_a_wrong_line_says_nothing_and_its_reason_holds_no_personal_code(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    """T12"""
    with pytest.raises(Unavailable) as reason:
        list(files(tmp_path, **{name: content}).entries(["399000011"]))
    assert not any(code in str(reason.value) for code in ("3030303991", "40404040009"))


def test_hidden_files_and_links_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "drop"
    folder.mkdir()
    (tmp_path / "heads.csv").write_text(TABLE)
    (folder / ".heads.csv").write_text(TABLE)
    (folder / "heads.csv").symlink_to(tmp_path / "heads.csv")
    assert list(Files(folder, HEADS).entries(["399000011"])) == []


# ---- the configuration ------------------------------------------------------------------------------------------------


def test_without_a_file_development_reads_the_simulator_and_production_nothing(tmp_path: Path) -> None:
    from config.register import load as load_register

    place = Place(False, "http://127.0.0.1:8000", tmp_path)
    found = load_register("", place)[0].of("any")
    assert found
    assert (found.mode, found.base_url) == ("simulator", "http://127.0.0.1:8000/simulators/register/")
    assert load_register("", replace(place, is_production=True))[0].of("any") is None


def test_what_is_unsafe_in_the_file_refuses_to_start_by_name(tmp_path: Path) -> None:
    simulator.prepare(tmp_path)
    good = f'mode = "broker"\ncaller = "X"\nprivate_key = "{tmp_path}/caller.pem"\nhead_types = ["1"]\n'

    def configured(text: str) -> str:
        path = tmp_path / f"{base64.urlsafe_b64encode(os.urandom(9)).decode()}.toml"
        path.write_text(text)
        try:
            load({"SAVITARNA_DATA_DIR": str(tmp_path), "SAVITARNA_REGISTER": str(path)})
        except Misconfigured as reasons:
            return str(reasons)
        return ""

    assert configured(good) == ""
    assert configured(good + '[organisations.north]\nmode = "nothing"\n') == ""
    for text, reason in (
        (good.replace("caller.pem", "none.pem"), "private_key: .*none.pem cannot be read"),
        (good + 'hash = "MD5"', "hash must be SHA-256"),
        (good + 'base_url = "http://ws.example.lt"', "base_url must start with https"),
        (good.replace('["1"]', "[]"), "head_types must name"),
        (good.replace('["1"]', "[1]"), "head_types must be a list of texts"),
        (good + "colour = 1", "colour is not a setting"),
        (good + '[organisations.north]\nmode = "guess"', "organisations.north.mode must be one of"),
        ("caller = 1", "mode is missing"),
        ("[[", "is not TOML"),
    ):
        assert re.search(reason, configured(text)), (text, configured(text))


def test_no_simulator_in_production(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured):
        simulator.create_app(replace(CONFIG, environment="production", data_dir=tmp_path))
