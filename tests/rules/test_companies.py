"""Who represents a company, what they may do to one another, and that its contracts are in their accounts, and in nobody else's."""

import itertools
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from models import Account, Company, Contract, Event, Invoice, Membership, Message, Organisation, Representative, Share, now
from rules import access, checks, companies, contracts, events, freezes, holding, invitations, rows, settings, sharing
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.together import at_once

SITE = "https://savitarna.example/north"
TYPES = ("company_head", "authorised_person", "user")
ACTORS = ("none", "stranger", "user", "authorised_person", "company_head", "former", "head_of_another")


@pytest.fixture
def uosis(north: Organisation) -> Company:
    made = factories.company(north)
    for code in ("VA 000 001", "VA 000 002"):
        factories.invoice(factories.contract(north, code, company=made), f"B {code}")
    return made


def person(north: Organisation, name: str) -> Account:
    return factories.account(north, f"{name}@uosis.example", name=name.title())


def seen(account: Account) -> list[str]:
    fresh = Account.get_by_id(account.id)
    return sorted(row.payer_code for row in Contract.within(fresh))


def told(account: Account) -> list[str]:
    return [m.kind for m in Message.select().where(Message.account == account).order_by(Message.id)]


def in_step(*, is_by_register: bool = False) -> None:
    """Every promise about companies, as `flask portal check` asks; that the register names the heads only where it does."""
    for sentence, query in checks.PROMISES:
        is_of_register = "neither the register" in sentence
        if any(word in sentence for word in ("epresentative", "company", "Invitation", "live accesses", "Access {} has")):
            assert (is_of_register and not is_by_register) or list(checks._found(sentence, query)) == []


# ---- actor x act x target -----------------------------------------------------------------------------------------------

# What each access type may do to whom, as the seed has it. Whatever is not here may nobody.
MAY = {
    ("see people", who, "") for who in ("authorised_person", "company_head")
} | {
    (f"invite {kind}", who, "") for who in ("authorised_person", "company_head") for kind in ("user", "authorised_person")
} | {
    ("change contacts", who, "") for who in ("authorised_person", "company_head")
} | {
    ("raise", who, "user") for who in ("authorised_person", "company_head")
} | {
    ("remove", who, target) for who in ("authorised_person", "company_head") for target in ("user", "authorised_person")
} | {
    ("leave", who, "self") for who in ("user", "authorised_person")
}  # fmt: skip
ACTS = (
    "see people",
    "invite user",
    "invite authorised_person",
    "invite company_head",
    "raise",
    "lower",
    "remove",
    "change contacts",
    "leave",
)


def cast(north: Organisation, uosis: Company) -> dict[str, Account]:
    """One actor of each kind; the company has a head and another authorised person besides."""
    factories.represents(person(north, "vadove"), uosis)
    factories.represents(person(north, "igaliota"), uosis, "authorised_person")
    actors = {name: person(north, name) for name in ("stranger", "former", "head_of_another")}
    for name in TYPES:
        actors[name] = person(north, f"{name}_actor")
        factories.represents(actors[name], uosis, name)
    factories.represents(actors["head_of_another"], factories.company(north, "UAB „Kita“"))
    with unit_of_work():
        companies.end(factories.represents(actors["former"], uosis, "authorised_person"), "staff", by=events.SYSTEM)
    return actors


def may(actor: str, act: str, target: str) -> bool:
    targets = ("",) if act.startswith(("see", "invite", "change")) else ("self",) if act == "leave" else TYPES
    return target in targets and (act, actor, target) in MAY


def cells() -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for actor, act in itertools.product(ACTORS, ACTS):
        targets = ("",) if act.startswith(("see", "invite", "change")) else ("self",) if act == "leave" else (*TYPES, "self")
        rows += [(actor, act, target) for target in targets]
    return rows


def test_actor_by_act_by_target_nobody_may_more_and_nobody_less(north: Organisation, uosis: Company) -> None:
    """IB-16, IB-22..24, IB-30, IB-31, IB-43, IB-44, IB-51, IB-52, IB-58, IB-59, K07, K09, T06: the whole product, each cell tried in
    a transaction that is taken back."""
    actors = cast(north, uosis)
    wrong = []
    for actor, act, target in cells():
        account = Account.get_by_id(actors[actor].id) if actor in actors else None
        outcome = tried(lambda: attempt(account, act, target, uosis))  # noqa: B023
        if outcome != may(actor, act, target):
            wrong.append((actor, act, target, outcome))
    assert not wrong
    assert len(cells()) > 100


class _Back(Exception):
    pass


def tried(act: Callable[[], Any]) -> bool:
    """Whether an act is done; it is taken back again."""
    try:
        with unit_of_work():
            act()
            raise _Back
    except _Back:
        return True
    except (Refused, Missing):
        return False


def attempt(account: Account | None, act: str, target: str, uosis: Company) -> None:
    if account is None:
        if any(access.allows(None, deed) for deed in access.DEEDS):
            return
        raise Missing
    if act == "see people":
        access.reach(account, Company, uosis.public_id, "representative.view")
    elif act.startswith("invite "):
        invitations.invite(account, uosis, email="nauja@uosis.example", access_type=act.removeprefix("invite "), site_url=SITE)
    elif act == "change contacts":
        companies.change_contacts(account, uosis, email="info@uosis.example", phone="", address="")
    elif act == "leave":
        companies.leave(account, uosis)
    else:
        other = them(account, target, uosis)
        kind = {"raise": "authorised_person", "lower": "user"}.get(act)
        companies.change_access_type(account, other, access_type=kind) if kind else companies.remove(account, other)


def them(account: Account, target: str, uosis: Company) -> Representative:
    """Somebody else of that access type in the company, or the actor's own place."""
    rows = [row for row in companies.people(uosis) if (row.account_id == account.id) == (target == "self")]
    found = next((row for row in rows if target in ("self", row.access_type.name)), None)
    if found is None:
        raise Missing
    return found


@pytest.mark.parametrize("actor", ["agent", "administrator", "auditor", "property_manager"])
def test_staff_fix_and_remove_with_a_reason_but_never_a_head(north: Organisation, uosis: Company, actor: str) -> None:
    """IB-31, N05: whom the deeds allow; managers and auditors none of it."""
    staff = factories.staff(north, actor)
    user = factories.represents(person(north, "naudotojas"), uosis, "user")
    head = factories.represents(person(north, "vadove"), uosis)
    allowed = actor in ("agent", "administrator")
    for deed in ("representative.fix_access_type", "representative.remove", "contract.set_company"):
        assert access.allows(staff, deed) == allowed
    if not allowed:
        return
    with pytest.raises(Refused, match="Enter the reason"):
        companies.fix_access_type(user, access_type="authorised_person", reason=" ", by=staff)
    with pytest.raises(Refused, match="Select an access type"):
        companies.fix_access_type(user, access_type="company_head", reason="Asked", by=staff)
    with pytest.raises(Refused, match="register"):
        companies.fix_access_type(head, access_type="user", reason="Asked", by=staff)
    with pytest.raises(Refused, match="register"):
        companies.remove_by_staff(head, reason="Asked", by=staff)
    companies.fix_access_type(user, access_type="authorised_person", reason="The head wrote to us", by=staff)
    assert Event.get(Event.name == "representative.access_type_changed").facts["reason"] == "The head wrote to us"
    companies.remove_by_staff(Representative.get_by_id(user.id), reason="Left the company", by=staff)
    assert seen(user.account) == []
    in_step()


# ---- in step ------------------------------------------------------------------------------------------------------------


def test_who_represents_a_company_has_all_its_contracts_until_then_and_one_letter(north: Organisation, uosis: Company) -> None:
    """IB-03, IB-50, IB-57"""
    anna = person(north, "anna")
    place = factories.represents(anna, uosis, "user")
    assert seen(anna) == ["VA 000 001", "VA 000 002"]
    assert told(anna) == ["company_access_given"]
    new = factories.contract(north, "VA 000 003")
    agent = factories.staff(north)
    companies.set_company(new, company=uosis, reason="It is theirs", by=agent)
    assert len(seen(anna)) == 3
    companies.take_from_company(Contract.get_by_id(new.id), reason="It is not", by=agent)
    assert len(seen(anna)) == 2
    in_step()
    with unit_of_work():
        companies.end(place, "register", by=events.SYSTEM)
    assert seen(anna) == []
    assert {row.ended_by for row in Membership.select().where(Membership.account == anna)} == {"company"}
    assert told(anna) == ["company_access_given", "company_access_ended"]
    in_step()


def test_a_raised_user_may_what_an_authorised_person_may_with_every_contract(north: Organisation, uosis: Company) -> None:
    """IB-26, IB-52, IB-58"""
    head, anna = person(north, "vadove"), person(north, "anna")
    factories.represents(head, uosis)
    place = factories.represents(anna, uosis, "user")
    assert access.contracts_allowing(Account.get_by_id(anna.id), "contract.view") == []
    companies.change_access_type(head, place, access_type="authorised_person")
    assert len(access.contracts_allowing(Account.get_by_id(anna.id), "contract.view")) == 2
    assert told(anna) == ["company_access_given", "company_access_changed"]
    with pytest.raises(Refused, match="nothing was changed"):
        companies.change_access_type(head, Representative.get_by_id(place.id), access_type="authorised_person")
    in_step()


def test_what_was_ones_own_is_replaced_by_what_the_company_gives_and_shared_no_more(north: Organisation, uosis: Company) -> None:
    """IB-40, T11"""
    anna = person(north, "anna")
    flat = Contract.get(Contract.payer_code == "VA 000 001")
    factories.holds(anna, flat)
    shared = sharing.share(anna, flat, email="ivan@example.lt", last_on=None, site_url=SITE)
    factories.represents(anna, uosis, "user")
    (live,) = Membership.select().where((Membership.account == anna) & (Membership.contract == flat) & Membership.until_at.is_null())
    assert (live.access_type.name, live.through.company_id) == ("user", uosis.id)
    assert Share.get_by_id(shared.id).ended_at is not None
    with pytest.raises(Refused, match="because you represent"):
        holding.detach(anna, flat)
    agent = factories.staff(north)
    for act in (
        lambda: holding.remove(live, reason="Asked", by=agent),
        lambda: holding.change_access_type(live, access_type="owner", reason="Asked", by=agent),
        lambda: holding.restore(live, reason="Asked", by=agent),
    ):
        with pytest.raises(Refused, match="Change it where the people of that company are"):
            act()
    in_step()


def test_contracts_of_a_company_that_belongs_to_it_come_along(north: Organisation, uosis: Company) -> None:
    """IB-47: and whoever represents the smaller one as well has them by that."""
    small, agent = factories.company(north, "UAB „Uosiukas“"), factories.staff(north)
    factories.contract(north, "VA 000 009", company=small)
    anna, ben = person(north, "anna"), person(north, "ben")
    factories.represents(anna, uosis, "authorised_person")
    of_small = factories.represents(ben, small, "user")
    companies.put_under(small, parent=uosis, reason="Bought", by=agent)
    assert "VA 000 009" in seen(anna)
    factories.represents(ben, uosis, "authorised_person")
    assert access.contracts_allowing(Account.get_by_id(ben.id), "contract.view").__len__() == 2, "a user of the smaller one he stays"
    with unit_of_work():
        companies.end(of_small, "staff", by=events.SYSTEM)
    assert access.contracts_allowing(Account.get_by_id(ben.id), "contract.view").__len__() == 3
    in_step()
    for company, parent in ((uosis, small), (small, small), (uosis, uosis)):
        with pytest.raises(Refused, match="belongs to"):
            companies.put_under(Company.get_by_id(company.id), parent=Company.get_by_id(parent.id), reason="x", by=agent)
    companies.set_free(Company.get_by_id(small.id), reason="Sold", by=agent)
    assert "VA 000 009" not in seen(anna)
    in_step()


def test_who_adds_a_companys_contract_by_its_bill_is_a_user_of_that_one_and_the_head_may_end_it(
    north: Organisation, uosis: Company
) -> None:
    """IB-40, IB-57: and another company's head may not."""
    head, other, anna = person(north, "vadove"), person(north, "kita"), person(north, "anna")
    factories.represents(head, uosis)
    factories.represents(other, factories.company(north, "UAB „Kita“"))
    provider = Contract.get().provider
    got = contracts.attach(anna, provider=provider, payer_code="VA 000 001", invoice_number="B VA 000 001", source="10.0.0.0/24")
    assert (got.access_type.name, seen(anna)) == ("user", ["VA 000 001"])
    assert "contract_attached_elsewhere" in told(head)
    (listed,) = companies.beside(uosis)
    with pytest.raises(Missing):
        companies.remove_beside(other, uosis, listed)
    with pytest.raises(Missing):
        companies.remove_beside(head, uosis, Membership.get(Membership.account == head))
    companies.remove_beside(head, uosis, listed)
    assert seen(anna) == []
    assert told(anna)[-1] == "contract_ended"
    in_step()


def test_a_company_comes_and_goes_in_as_many_statements_however_many_its_people_and_contracts(
    north: Organisation, uosis: Company, statements: Any
) -> None:
    """IB-47, T08: people by contracts make as many accesses; neither statements nor letters do."""
    parent, clerk, agent = factories.company(north, "UAB Girios"), person(north, "rasa"), factories.staff(north)
    with unit_of_work():
        companies.appoint(clerk, parent, "user", granted_by="", by=agent)
    for row in uosis.contract_set:
        factories.holds(clerk, row)
    took = []
    for number in (2, 12):
        with unit_of_work():
            for more in range(number):
                companies.appoint(person(north, f"p{number}-{more}"), parent, "user", granted_by="", by=agent)
                factories.contract(north, f"VA {number:03} {more:03}", company=uosis)
        before = len(told(clerk))
        with statements() as seen:
            companies.put_under(uosis, parent=parent, reason="Bought", by=agent)
            companies.set_free(Company.get_by_id(uosis.id), reason="Sold", by=agent)
        took.append(len(seen))
        assert told(clerk)[before:] == ["contract_replaced", "contract_restored"]
        assert Message.select().order_by(Message.id.desc()).first().facts["others"] == 1
        assert Membership.select().where(Membership.ended_by == "company", Membership.through.is_null(False)).count() >= number**2
    assert took[0] == took[1]
    in_step()


def test_what_a_company_got_by_mistake_is_its_owners_again(north: Organisation, uosis: Company) -> None:
    """T11: whose own it was hears both; who was no longer of the company then, or shared it, has it no more."""
    agent, anna, ben = factories.staff(north), person(north, "anna"), person(north, "ben")
    flat = factories.contract(north, "P 1")
    own = factories.holds(anna, flat)
    factories.holds(ben, flat, "shared_person")
    factories.represents(anna, uosis, "user")
    left = factories.represents(ben, uosis, "user")
    companies.set_company(flat, company=uosis, reason="A mistake", by=agent)
    with unit_of_work():
        companies.end(left, "staff", by=agent)
    assert told(anna)[-1] == "contract_replaced"
    companies.take_from_company(Contract.get_by_id(flat.id), reason="Put right", by=agent)
    mine = Membership.get((Membership.account == anna) & (Membership.contract == flat) & Membership.until_at.is_null())
    assert (mine.id, mine.access_type.name, mine.ended_by) == (own.id, "owner", "")
    assert told(anna)[-1] == "contract_restored"
    names = [e.name for e in Event.select().where((Event.account == anna) & Event.name.startswith("membership.")).order_by(Event.id)]
    assert names == ["membership.replaced", "membership.given_back"]
    assert seen(ben) == []
    in_step()


@pytest.mark.parametrize("was", ["user", "beside"])
def test_who_was_removed_from_a_company_does_not_come_back_with_its_last_bill(north: Organisation, uosis: Company, was: str) -> None:
    """IB-57, T11: nor who had one contract of it; once the payer code is another customer's, they may be that one."""
    head, anna = person(north, "head"), person(north, "anna")
    factories.represents(head, uosis)
    contract = Contract.get(payer_code="VA 000 001")
    if was == "user":
        companies.remove(head, factories.represents(anna, uosis, "user"))
    else:
        attach(anna, contract)
        companies.remove_beside(head, uosis, Membership.get((Membership.account == anna) & Membership.until_at.is_null()))
    assert seen(anna) == []
    with pytest.raises(Refused) as no:
        attach(Account.get_by_id(anna.id), contract)
    assert (no.value.message, seen(anna)) == (contracts.TAKEN, [])
    Membership.update(until_at=now() - timedelta(days=300)).where(Membership.account == anna).execute()
    Contract.update(opened_on=now().date() - timedelta(days=90)).execute()
    Invoice.update(issued_on=now().date()).execute()
    attach(Account.get_by_id(anna.id), contract)
    assert seen(anna) == ["VA 000 001"]


@pytest.mark.parametrize("was", ["user", "beside"])
def test_staff_do_not_give_back_to_who_was_removed_from_a_company_what_was_their_own_before(
    north: Organisation, uosis: Company, was: str
) -> None:
    """IB-57, T11: the company's people invite them again; once the contract is the company's no more, a mistake can be undone."""
    head, anna, agent = person(north, "head"), person(north, "anna"), factories.staff(north)
    factories.represents(head, uosis)
    contract = Contract.get(payer_code="VA 000 001")
    own = factories.holds(anna, contract)
    if was == "user":
        companies.remove(head, factories.represents(anna, uosis, "user"))
    else:
        companies.remove_beside(head, uosis, own)
    with pytest.raises(Refused) as no:
        holding.restore(Membership.get_by_id(own.id), reason="He asked", by=agent)
    assert (no.value.message, seen(anna)) == (holding.OF_FORMERS, [])
    companies.take_from_company(contract, reason="A mistake", by=agent)
    holding.restore(Membership.get_by_id(own.id), reason="He asked", by=agent)
    assert seen(anna) == ["VA 000 001"]
    in_step()


def attach(account: Account, contract: Contract) -> Membership:
    return contracts.attach(
        account,
        provider=contract.provider,
        payer_code=contract.payer_code,
        invoice_number=f"B {contract.payer_code}",
        source="192.0.2.0/24",
    )


def test_a_contract_that_passes_on_leaves_the_company_with_it(north: Organisation, uosis: Company) -> None:
    """T11: whoever represents the company has it no more, whenever they began."""
    anna = person(north, "anna")
    factories.represents(anna, uosis)
    flat = Contract.get(Contract.payer_code == "VA 000 001")
    with unit_of_work():
        holding.pass_on(flat, date(2020, 1, 1))
        flat.save()
        companies.keep_in_step(Contract.id == flat.id, [uosis.id], by=events.SYSTEM)
    assert seen(anna) == ["VA 000 002"]
    in_step()


# ---- settings, and the last one -----------------------------------------------------------------------------------------


def test_where_the_organisation_says_so_only_heads_remove_authorised_persons(north: Organisation, uosis: Company) -> None:
    """K07"""
    settings.change(north, "authorised_removes_authorised", False, by=events.OPERATOR)
    head, one, two = (person(north, name) for name in ("vadove", "pirma", "antra"))
    factories.represents(head, uosis)
    for account in (one, two):
        factories.represents(account, uosis, "authorised_person")
    place = companies.place(two, uosis)
    with pytest.raises(Refused, match="does not allow"):
        companies.remove(Account.get_by_id(one.id), place)
    companies.remove(Account.get_by_id(head.id), place)
    assert seen(two) == []


def test_where_the_organisation_says_so_people_are_lowered_in_place(north: Organisation, uosis: Company) -> None:
    """K09, IB-69: otherwise they are removed and invited anew."""
    head, one = person(north, "vadove"), person(north, "pirma")
    factories.represents(head, uosis)
    place = factories.represents(one, uosis, "authorised_person")
    with pytest.raises(Refused, match="Remove the person and invite them anew"):
        companies.change_access_type(head, place, access_type="user")
    settings.change(north, "members_editable", True, by=events.OPERATOR)
    companies.change_access_type(Account.get_by_id(head.id), place, access_type="user")
    assert companies.place(one, uosis).access_type.name == "user"


def test_who_may_not_remove_somebody_does_not_lower_them_either(north: Organisation, uosis: Company) -> None:
    """K07, K09"""
    settings.change(north, "authorised_removes_authorised", False, by=events.OPERATOR)
    settings.change(north, "members_editable", True, by=events.OPERATOR)
    one, two = person(north, "pirma"), person(north, "antra")
    for account in (one, two):
        factories.represents(account, uosis, "authorised_person")
    for target in (two, one):
        with pytest.raises(Refused, match="does not allow"):
            companies.change_access_type(Account.get_by_id(one.id), companies.place(target, uosis), access_type="user")


def test_the_last_one_who_looks_after_the_people_stays(north: Organisation, uosis: Company) -> None:
    """IB-56: a company whose head nobody knows yet is not left to nobody."""
    one, two = person(north, "pirma"), person(north, "antra")
    factories.represents(one, uosis, "authorised_person")
    factories.represents(two, uosis, "user")
    with pytest.raises(Refused, match="Nobody would be left"):
        companies.leave(one, uosis)
    companies.leave(two, uosis)
    factories.represents(two, uosis, "authorised_person")
    companies.leave(one, uosis)
    assert (seen(one), told(one)[-1]) == ([], "company_access_ended")


@pytest.mark.parametrize("by_it", ["contract", "person", "head", "invitation", "nothing"])
def test_a_companys_code_stays_once_anything_goes_by_it(north: Organisation, by_it: str) -> None:
    """IB-31, N05: the register would speak of another company."""
    berzas, agent = factories.company(north, "UAB Beržas"), factories.staff(north)
    if by_it == "contract":
        factories.contract(north, "VA 000 009", company=berzas)
    elif by_it == "person":
        factories.represents(person(north, "anna"), berzas, "user")
    elif by_it == "head":
        factories.head(berzas)
    elif by_it == "invitation":
        invitations.invite_by_staff(berzas, email="x@y.example", access_type="user", reason="Asked", site_url=SITE, by=agent)
    if by_it == "nothing":
        assert rows.change(berzas, {"code": "305555555"}, version=berzas.version, by=agent)
        return
    with pytest.raises(Refused, match="go by it") as no:
        rows.change(berzas, {"code": "305555555"}, version=berzas.version, by=agent)
    assert (no.value.field, Company.get_by_id(berzas.id).code) == ("code", berzas.code)


def test_contact_information_is_kept_as_it_is_asked_for(north: Organisation, uosis: Company) -> None:
    """IB-23, K11"""
    head = person(north, "vadove")
    factories.represents(head, uosis)
    companies.change_contacts(head, uosis, email=" Info@Uosis.example ", phone="8 600 00001", address=" Liepų  g. 1 ")
    kept = Company.get_by_id(uosis.id)
    assert (kept.email, kept.phone, kept.address) == ("info@uosis.example", "+37060000001", "Liepų g. 1")
    companies.change_contacts(head, kept, email="info@uosis.example", phone="+37060000001", address="Liepų g. 1")
    assert Event.select().where(Event.name == "company.contacts_changed").count() == 1


def test_who_took_an_account_over_does_not_change_the_companys_contact_information(north: Organisation, uosis: Company) -> None:
    """IB-23, M04"""
    head = person(north, "vadove")
    factories.represents(head, uosis)
    freezes.begin(head, now())
    with pytest.raises(Refused) as no:
        companies.change_contacts(head, uosis, email="thief@example.lt", phone="", address="")
    assert (no.value.message, Company.get_by_id(uosis.id).email) == (freezes.FROZEN, uosis.email)


def test_who_took_an_account_over_moves_nobody_in_or_out(north: Organisation, uosis: Company) -> None:
    """IB-57, IB-58, M04, T08"""
    head, ben, stranger = person(north, "vadove"), person(north, "ben"), person(north, "svetima")
    factories.represents(head, uosis)
    bens, beside = factories.represents(ben, uosis, "user"), factories.holds(stranger, Contract.get(Contract.company == uosis))
    waits = invitations.invite(head, uosis, email="nauja@uosis.example", access_type="user", site_url=SITE)
    freezes.begin(head, now())
    before = Event.select().count()
    for act in (
        lambda: companies.change_access_type(head, bens, access_type="authorised_person"),
        lambda: companies.remove(head, bens),
        lambda: companies.leave(head, uosis),
        lambda: companies.remove_beside(head, uosis, beside),
        lambda: invitations.invite(head, uosis, email="vagis@uosis.example", access_type="user", site_url=SITE),
        lambda: invitations.send_again(head, waits, site_url=SITE),
    ):
        with pytest.raises(Refused) as no:
            act()
        assert no.value.message == freezes.FROZEN
    assert Event.select().count() == before


def test_nothing_but_the_register_appoints_a_head(north: Organisation, uosis: Company) -> None:
    """IB-15, IB-31"""
    ben = person(north, "ben")
    with pytest.raises(Refused) as no, unit_of_work():
        companies.appoint(ben, uosis, "company_head", granted_by="Vadovė", by=factories.staff(north))
    assert (no.value.message, seen(ben), told(ben)) == (companies.HEADS_STAY, [], [])


def test_companies_belong_to_one_another_one_deep_and_never_round(north: Organisation, uosis: Company) -> None:
    """IB-47"""
    agent, parent, other = factories.staff(north), factories.company(north, "UAB Girios"), factories.company(north, "UAB Pievos")
    companies.put_under(uosis, parent=parent, reason="Bought", by=agent)
    for child, above in ((other, other), (other, uosis), (parent, other)):
        with pytest.raises(Refused, match="belongs to one that belongs to nobody") as no:
            companies.put_under(child, parent=above, reason="Bought", by=agent)
        assert no.value.field == "parent"
    assert Company.select().where(Company.belongs_to.is_null(False)).count() == 1


def test_a_contract_is_a_company_of_its_own_organisation_and_of_ones_reach(north: Organisation, uosis: Company) -> None:
    """IB-13"""
    south = factories.organisation("south")
    flat, there = factories.contract(north, "VA 000 009"), factories.company(south, "UAB Pietūs")
    for person_of in (factories.staff(north), factories.staff(None, "administrator")):
        with pytest.raises(Refused, match="same organisation"):
            companies.set_company(flat, company=there, reason="Asked", by=person_of, sure=True)
    with pytest.raises(Refused, match="same organisation"):
        companies.set_company(flat, company=uosis, reason="Asked", by=factories.staff(south), sure=True)
    assert Contract.get_by_id(flat.id).company is None


def test_ones_place_in_the_contracts_own_company_goes_before_that_in_the_one_it_belongs_to(north: Organisation, uosis: Company) -> None:
    """IB-47"""
    agent, ben, parent = factories.staff(north), person(north, "ben"), factories.company(north, "UAB Girios")
    factories.represents(ben, parent, "authorised_person")
    own = factories.represents(ben, uosis, "user")
    companies.put_under(uosis, parent=parent, reason="Bought", by=agent)
    later = factories.contract(north, "VA 000 003", company=uosis)
    with unit_of_work():
        companies.keep_in_step(Contract.id == later.id, [uosis.id], by=events.SYSTEM)
    live = Membership.select().where(Membership.account == ben, Membership.until_at.is_null())
    assert [(row.through, row.access_type.name) for row in live] == [(own, "user")] * 3
    in_step(is_by_register=True)


def test_what_one_let_go_oneself_does_not_come_back_when_the_company_loses_it(north: Organisation, uosis: Company) -> None:
    """CV-40"""
    ben, agent, flat = person(north, "ben"), factories.staff(north), factories.contract(north, "VA 000 009")
    factories.holds(ben, flat)
    holding.detach(ben, flat)
    factories.represents(ben, uosis, "user")
    companies.set_company(flat, company=uosis, reason="Theirs", by=agent, sure=True)
    assert "VA 000 009" in seen(ben)
    companies.take_from_company(flat, reason="Not theirs", by=agent, sure=True)
    assert "VA 000 009" not in seen(ben)


# ---- at the same moment -------------------------------------------------------------------------------------------------


def test_two_authorised_persons_who_remove_one_another_at_once_leave_one(north: Organisation, uosis: Company) -> None:
    """IB-30, G11: twenty times each."""
    pair = [person(north, "pirma"), person(north, "antra")]
    places = [factories.represents(account, uosis, "authorised_person") for account in pair]

    def act(number: int) -> Any:
        me = number % 2
        try:
            companies.remove(Account.get_by_id(pair[me].id), Representative.get_by_id(places[1 - me].id))
        except Missing:
            return "gone"
        return "done"

    outcomes = at_once(20, act)
    assert outcomes.count("done") == 1
    assert len(companies.people(uosis)) == 1
    in_step()


def test_the_last_two_who_leave_at_once_leave_one(north: Organisation, uosis: Company) -> None:
    """IB-56, G11"""
    pair = [person(north, "pirma"), person(north, "antra")]
    for account in pair:
        factories.represents(account, uosis, "authorised_person")

    def act(number: int) -> Any:
        try:
            companies.leave(Account.get_by_id(pair[number % 2].id), Company.get_by_id(uosis.id))
        except Missing:
            return "gone"
        return "done"

    assert at_once(20, act).count("done") == 1
    assert len(companies.people(uosis)) == 1
    in_step()


def test_a_contract_and_a_person_that_come_to_a_company_at_once_find_one_another(north: Organisation, uosis: Company) -> None:
    """G11: ten of each."""
    people = [person(north, f"zmogus{number}") for number in range(10)]
    more, agent = [factories.contract(north, f"VA 100 {number}") for number in range(10)], factories.staff(north)

    def act(number: int) -> Any:
        if number % 2:
            return factories.represents(Account.get_by_id(people[number // 2].id), Company.get_by_id(uosis.id), "user").id
        return companies.set_company(
            Contract.get_by_id(more[number // 2].id), company=Company.get_by_id(uosis.id), reason="Theirs", by=agent
        )

    assert not [one for one in at_once(20, act) if isinstance(one, Exception)]
    assert {len(seen(one)) for one in people} == {12}
    in_step()


def test_a_company_that_is_put_under_another_at_once_makes_no_chain(north: Organisation) -> None:
    """IB-47, G11: each may come first; by what was read a moment earlier as well."""
    first, middle, last = (factories.company(north, name) for name in ("UAB Pirma", "UAB Vidurinė", "UAB Paskutinė"))
    agent = factories.staff(north)
    pairs = [(first, middle), (middle, last)]

    def act(number: int) -> Any:
        company, parent = pairs[number % 2]
        try:
            companies.put_under(company, parent=parent, reason="Theirs", by=agent)
        except Refused:
            return "refused"
        return "done"

    assert at_once(10, act).count("done") == 1
    assert Company.select().where(Company.belongs_to.is_null(False)).count() == 1
