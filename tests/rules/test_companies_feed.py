"""What a billing feed says of companies: a contract gets its company by itself, and loses it with the payer code."""

import hashlib
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import models
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, records
from integrations.billing_feed.records import company_code, is_persons
from models import Company, Membership, Organisation
from rules import companies, heads
from rules.refusal import Doubtful
from tests import factories
from tests.feeds import bill, place, take
from tests.rules.test_companies import in_step, person, seen
from tests.rules.test_heads import JONAS, ONA, RASA, prove

WORKS = Contract("VE 1", customer_name="UAB Uosis", address="Verslo g. 1", opened_on=date(2022, 1, 1), company_code="302345678")
GAS = Contract("VD 1", customer_name="UAB Uosis", address="Verslo g. 1", opened_on=date(2022, 1, 1), company_code="302345678")


@pytest.fixture
def north(db: Any) -> Organisation:
    return place("north")


def test_contracts_of_one_code_are_one_company_and_its_people_have_them(north: Organisation) -> None:
    """IB-03, IB-50: the same again changes nothing."""
    take(north, [WORKS])
    (uosis,) = Company.select()
    assert (uosis.name, uosis.code) == ("UAB Uosis", "302345678")
    anna = person(north, "anna")
    factories.represents(anna, uosis, "user")
    take(north, [WORKS, GAS])
    assert seen(anna) == ["VD 1", "VE 1"]
    before = Membership.select().count()
    run = take(north, [WORKS, GAS])
    assert (run.changed, Membership.select().count(), Company.select().count()) == (0, before, 1)
    in_step()


def test_a_payer_code_that_goes_on_takes_the_company_along(north: Organisation) -> None:
    """T11: to another company, and to a person; whoever stays the same company, under another name, keeps it."""
    take(north, [WORKS, GAS])
    uosis, anna, ben = Company.get(), person(north, "anna"), person(north, "ben")
    factories.represents(anna, uosis)
    take(north, [replace(WORKS, customer_name="Uosis, UAB", opened_on=date(2023, 1, 1)), GAS])
    assert seen(anna) == ["VD 1", "VE 1"]
    other = replace(WORKS, customer_name="UAB Beržas", company_code="305555555", opened_on=date(2024, 1, 1))
    take(north, [other, replace(GAS, customer_name="Jonas Jonaitis", company_code="", opened_on=date(2024, 1, 1))])
    factories.represents(ben, Company.get(Company.code == "305555555"))
    assert (seen(anna), seen(ben)) == ([], ["VE 1"])
    assert models.Contract.get(payer_code="VD 1").company is None
    in_step()


def test_what_staff_said_stays_until_the_feed_says_something_else(north: Organisation) -> None:
    take(north, [replace(WORKS, company_code="")])
    uosis, agent = factories.company(north), factories.staff(north)
    companies.set_company(models.Contract.get(), company=uosis, reason="A letter", by=agent)
    take(north, [replace(WORKS, company_code="")])
    assert models.Contract.get().company_id == uosis.id
    take(north, [replace(WORKS, company_code="305555555")])
    assert models.Contract.get().company.code == "305555555"


def test_bills_alone_say_whose_a_contract_is_if_all_are_one_customers(db: Any) -> None:
    """IB-03, AG-13: with bills of two names nobody is shown the other's."""
    south = place("south", unknown_payer="open")
    uosis = {"customer_name": "UAB Uosis", "company_code": "302345678"}
    take(south, [bill("S1", "A 1", **uosis), bill("S2", "B 1", customer_name="Jonas Jonaitis"), bill("S3", "B 1", net=5, **uosis)])
    whose = {row.payer_code: row.company and row.company.code for row in models.Contract.select()}
    assert whose == {"A 1": "302345678", "B 1": None}


def test_who_contracted_under_a_personal_code_heads_that_business_and_the_code_is_kept_nowhere(north: Organisation, tmp_path: Path) -> None:
    """IB-34: proven before the contract came and after it, and not for eleven digits that are no person's."""
    jonas, ona = person(north, "jonas"), person(north, "ona")
    prove(jonas, JONAS)
    rows = [
        f"V 1;Jono veikla;{JONAS[:5]} {JONAS[5:]};",
        f"V 2;Onos veikla;{ONA[:7]}-{ONA[7:]};",
        "V 3;Niekas;12345678901;",
        f"V 4;;{RASA};",
        f"V-1;Rasa;{RASA};",
    ]
    (tmp_path / "c.csv").write_text("payer_code;customer_name;company_code;provider\n" + "\n".join(rows) + "\n")
    records = list(billing_feed.of("csv", tmp_path).records())
    for _ in range(2):
        take(north, records)
        assert sorted((row.name, row.code, len(row.person_digest)) for row in Company.select()) == [
            ("Jono veikla", None, 64), ("Onos veikla", None, 64),
        ]  # fmt: skip
        assert (seen(jonas), seen(ona)) == (["V 1"], [])
    prove(ona, ONA)
    heads.recognise(ona)
    assert seen(ona) == ["V 2"]
    assert {row.access_type.name for row in models.Representative.select()} == {"company_head"}
    assert {row.reference for row in models.SyncProblem.select() if row.record} == {"V-1"}
    told = [repr(row) for table in models.TABLES for row in table.select().dicts()] + [repr(records)]
    assert [text for text in told if any(code in text.replace("-", "") for code in (JONAS, ONA, RASA))] == []
    in_step()


def test_eleven_digits_are_no_companys() -> None:
    assert is_persons("38001010000")
    assert is_persons("380010-10000")
    assert not is_persons("302345678")
    assert company_code(" 302 345 678 ") == "302345678"


def test_bills_read_before_there_were_companies_are_the_same_bills() -> None:
    """The digest of a record without a company is what it was before the field came."""
    without = bill("S1")
    assert billing_feed.digest(without) != billing_feed.digest(replace(without, company_code="302345678"))
    said = list(vars(without).values())[:-1]
    made = [list(vars(part).values()) for part in without.lines], [list(vars(part).values()) for part in without.vat]
    plain = [made[0] if value == without.lines else made[1] if value == without.vat else value for value in said]
    encoded = records._JSON.encode([Invoice.__name__, *plain])
    assert billing_feed.digest(without) == hashlib.sha256(encoded.encode()).hexdigest()


# ---- whose bills: from one customer to another without a day ------------------------------------------------------------

OWN = Contract("VE 1", customer_name="Ona Pavyzdienė", address="Verslo g. 1")
UOSIS = {"customer_name": "UAB Uosis", "company_code": "302345678"}
BERZAS = {"customer_name": "UAB Beržas", "company_code": "305555555"}
PETRAS = {"customer_name": "Petras Petraitis", "company_code": ""}


def bills_of(account: models.Account) -> list[str]:
    return sorted(row.number for row in models.Invoice.within(models.Account.get_by_id(account.id)))


@pytest.mark.parametrize(
    ("was", "becomes"),
    [({"customer_name": "Ona Pavyzdienė"}, BERZAS), (UOSIS, BERZAS), (UOSIS, UOSIS | {"company_code": "305555555"}), (UOSIS, PETRAS)],
    ids=["person-to-company", "company-to-company", "to-a-namesake", "company-to-person"],
)
@pytest.mark.parametrize("has_codes", [True, False], ids=["bills-with-codes", "bills-without"])
def test_who_gets_a_contract_without_a_first_day_sees_nobody_elses_bills(
    north: Organisation, was: dict[str, Any], becomes: dict[str, Any], has_codes: bool
) -> None:
    """T11: neither whoever had it nor whoever is said to have it; with the first day all of it is taken in."""

    def on(number: str, of: dict[str, Any], day: date) -> Any:
        return bill(number, "VE 1", issued_on=day, **(of if has_codes else of | {"company_code": ""}))

    old, new = on("OLD", was, date(2026, 9, 1)), on("NEW", becomes, date(2026, 11, 1))
    take(north, [replace(OWN, **was), old])
    contract, anna, ben, cora = models.Contract.get(), person(north, "anna"), person(north, "ben"), person(north, "cora")
    factories.represents(ben, Company.get_or_none(code="305555555") or factories.company(north, "UAB Beržas", code="305555555"))
    if contract.company is None:
        factories.holds(anna, contract)
    else:
        factories.represents(anna, contract.company)
    moved = replace(OWN, **becomes)
    for _ in range(2):  # the next night as well
        take(north, [moved, new])
        assert (bills_of(anna), bills_of(ben)) == (["OLD"], [])
    assert "whose" in {row.kind for row in models.SyncProblem.select()}
    # The night on which it is said since when.
    models.Membership.update(since_at=models.now().replace(year=2025)).execute()
    take(north, [replace(moved, opened_on=date(2026, 10, 1)), new])
    assert bills_of(anna) == []
    assert bills_of(ben) == (["NEW"] if becomes["company_code"] else [])
    factories.holds(cora, models.Contract.get())
    assert bills_of(cora) == ["NEW"]
    assert [row.kind for row in models.SyncProblem.select().where(models.SyncProblem.resolved_at.is_null())] == []
    in_step()


def test_a_bill_for_another_company_waits(db: Any) -> None:
    """T11, AG-13: where bills alone say whose a contract is; the same name in another order is the same."""
    west = place("west", unknown_payer="open")
    take(west, [bill("S1", "A 1", **UOSIS), bill("S2", "B 1", customer_name="Ona Pavyzdienė")])
    anna, ona = person(west, "anna"), person(west, "ona")
    factories.represents(anna, Company.get())
    factories.holds(ona, models.Contract.get(payer_code="B 1"))
    take(west, [bill("S3", "A 1", **BERZAS), bill("S4", "B 1", **BERZAS), bill("S5", "A 1", customer_name="„Uosis“, UAB")])
    assert (bills_of(anna), bills_of(ona)) == (["S1", "S5"], ["S2"])
    assert {(row.kind, row.facts["known"]) for row in models.SyncProblem.select()} == {
        ("whose-bill", "UAB Uosis"),
        ("whose-bill", "Ona Pavyzdienė"),
    }


def test_a_contract_whose_company_is_said_for_the_first_time_becomes_that_ones(north: Organisation) -> None:
    """IB-03: whose bills all are for it."""
    take(north, [replace(WORKS, company_code=""), bill("S1", "VE 1", customer_name="UAB „Uosis“")])
    take(north, [WORKS])
    assert models.Contract.get().company.code == "302345678"


def test_staff_are_asked_before_a_company_sees_bills_for_somebody_else(north: Organisation) -> None:
    """T11: and before whoever adds it next sees the company's."""
    take(north, [OWN, bill("S1", "VE 1", customer_name="Ona Pavyzdienė")])
    uosis, agent = factories.company(north), factories.staff(north)
    with pytest.raises(Doubtful, match="Bills of this contract are for") as doubt:
        companies.set_company(models.Contract.get(), company=uosis, reason="A letter", by=agent)
    assert doubt.value.facts["names"] == "Ona Pavyzdienė"
    companies.set_company(models.Contract.get(), company=uosis, reason="A letter", by=agent, sure=True)
    companies.take_from_company(models.Contract.get(), reason="A mistake", by=agent)
    models.Invoice.update(buyer_name="UAB Uosis").execute()
    companies.set_company(models.Contract.get(), company=uosis, reason="A letter", by=agent)
    with pytest.raises(Doubtful, match="adds the contract next"):
        companies.take_from_company(models.Contract.get(), reason="Sold", by=agent)
    companies.take_from_company(models.Contract.get(), reason="Sold", by=agent, sure=True)
    assert models.Contract.get().company is None
