"""Invitations into a company: to one address, with one access type, for some days, taken once, dead with the right to invite."""

from datetime import timedelta

import pytest
from time_machine import travel

from models import Account, Company, Confirmation, Event, Invitation, Message, Organisation, Representative, now
from rules import companies, consents, events, invitations, registration, settings, staff
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.together import at_once

SITE = "https://savitarna.example/north"
NEW = "nauja@uosis.example"


@pytest.fixture
def uosis(north: Organisation) -> Company:
    made = factories.company(north)
    factories.contract(north, "VA 000 001", company=made)
    return made


@pytest.fixture
def head(north: Organisation, uosis: Company) -> Account:
    account = factories.account(north, "vadove@uosis.example", name="Vadovė")
    factories.represents(account, uosis)
    return account


@pytest.fixture
def anna(north: Organisation) -> Account:
    return factories.account(north, NEW, name="Anna")


def invite(head: Account, uosis: Company, email: str = NEW, access_type: str = "authorised_person") -> Invitation:
    return invitations.invite(head, uosis, email=email, access_type=access_type, site_url=SITE)


def token() -> str:
    letters = Message.select().where(Message.kind == "company_invitation").order_by(Message.id.desc())
    return str(letters.get().facts["url"].rpartition("/")[2])


def waits(invitation: Invitation) -> bool:
    fresh = Invitation.get_by_id(invitation.id)
    return fresh.taken_at is None and fresh.ended_at is None


def test_what_is_offered_is_taken_once_and_whoever_offered_it_is_told(head: Account, uosis: Company, anna: Account) -> None:
    """IB-41..IB-44, T08"""
    made = invite(head, uosis)
    assert invitations.of_token(uosis.organisation, token()) == made
    place = invitations.accept(anna, made)
    assert (place.access_type.name, place.granted_by) == ("authorised_person", "Vadovė")
    assert [m.kind for m in Message.select().where(Message.account == head).order_by(Message.id)][-1] == "invitation_accepted"
    assert invitations.of_token(uosis.organisation, token()) is None
    with pytest.raises(Missing):
        invitations.accept(anna, made)
    assert Representative.select().where(Representative.account == anna).count() == 1


def test_nobody_else_takes_it_and_nobody_before_their_address_is_confirmed(north: Organisation, head: Account, uosis: Company) -> None:
    """T08, T10"""
    made = invite(head, uosis)
    ben = factories.account(north, "ben@uosis.example")
    early = factories.account(north, NEW, email_confirmed_at=None)
    for account in (ben, early, head):
        assert invitations.to(account) == []
        for act in (invitations.accept, invitations.decline):
            with pytest.raises(Missing):
                act(account, made)
    assert waits(made)


def test_the_same_address_at_another_organisation_takes_nothing(north: Organisation, head: Account, uosis: Company) -> None:
    """T08: an address may have an account at each of the organisations; what one offers is none of the others' business."""
    made, south = invite(head, uosis), factories.organisation("south")
    there = factories.account(south, NEW)
    assert invitations.to(there) == []
    for act in (invitations.accept, invitations.decline):
        with pytest.raises(Missing):
            act(there, made)
    assert invitations.of_token(south, token()) is None
    assert invitations.of_token(north, token()) == made
    assert waits(made)


def test_the_letter_and_the_answer_are_the_same_whoever_has_the_address(head: Account, uosis: Company, anna: Account) -> None:
    """T09: an address with an account here, and one without."""
    for email in (NEW, "niekas@uosis.example"):
        invite(head, uosis, email)
    one, two = Message.select().where(Message.kind == "company_invitation").order_by(Message.id)
    different = {"url", "until"}
    assert {k: v for k, v in one.facts.items() if k not in different} == {k: v for k, v in two.facts.items() if k not in different}
    assert (one.account_id, two.account_id) == (None, None)


def test_after_its_days_it_is_worth_nothing_and_another_may_be_sent(head: Account, uosis: Company, anna: Account) -> None:
    """T08: seven days, or as the organisation says."""
    settings.change(uosis.organisation, "invitation_days", 3, by=events.OPERATOR)
    made, link = invite(head, Company.get_by_id(uosis.id)), token()
    with travel(now() + timedelta(days=3, seconds=1), tick=False):
        assert invitations.of_token(uosis.organisation, link) is None
        assert invitations.to(anna) == []
        with pytest.raises(Missing):
            invitations.accept(anna, made)
        again = invite(head, uosis)
        assert (Invitation.get_by_id(made.id).ended_by, waits(again)) == ("expired", True)
    assert invitations.end_expired() == 0
    with travel(now() + timedelta(days=9), tick=False):
        assert (invitations.end_expired(), invitations.end_expired()) == (1, 0)


def test_sent_again_only_the_new_link_opens_it(head: Account, uosis: Company) -> None:
    """T08"""
    made, old = invite(head, uosis), token()
    invitations.send_again(head, made, site_url=SITE)
    assert invitations.of_token(uosis.organisation, old) is None
    assert invitations.of_token(uosis.organisation, token()) == made


def test_taken_back_or_declined_it_is_over(head: Account, uosis: Company, anna: Account) -> None:
    made = invite(head, uosis)
    invitations.revoke(head, made)
    assert invitations.to(anna) == []
    with pytest.raises(Refused, match="no longer good"):
        invitations.revoke(head, made)
    declined = invite(head, uosis)
    invitations.decline(anna, declined)
    assert [e.facts["ended_by"] for e in Event.select().where(Event.name == "invitation.ended").order_by(Event.id)] == [
        "revoked",
        "declined",
    ]


@pytest.mark.parametrize("how", ["removed", "lowered", "left"])
def test_it_dies_with_the_right_of_whoever_offered_it(north: Organisation, head: Account, uosis: Company, anna: Account, how: str) -> None:
    """T08"""
    inviter = factories.account(north, "igaliota@uosis.example")
    place = factories.represents(inviter, uosis, "authorised_person")
    made, link = invite(inviter, uosis), token()
    if how == "removed":
        companies.remove(head, place)
    elif how == "left":
        companies.leave(inviter, uosis)
    else:
        companies.fix_access_type(place, access_type="user", reason="Asked", by=factories.staff(north))
    assert invitations.of_token(north, link) is None
    assert Invitation.get_by_id(made.id).ended_by == "inviter"
    with pytest.raises(Missing):
        invitations.accept(anna, made)


def test_where_the_access_type_allows_it_no_more_what_waits_is_refused(head: Account, uosis: Company, anna: Account) -> None:
    """T08: an administrator took the deed from all of them."""
    made = invite(head, uosis)
    kind = companies.place(head, uosis).access_type
    kind.deeds = [deed for deed in kind.deeds if deed != "representative.change"]
    kind.save()
    with pytest.raises(Refused, match="no longer good"):
        invitations.accept(anna, made)


def test_one_address_has_one_that_waits_and_none_where_it_has_a_place(head: Account, uosis: Company, anna: Account) -> None:
    made = invite(head, uosis)
    with pytest.raises(Refused, match="waits"):
        invite(head, uosis, NEW.upper())
    invitations.accept(anna, made)
    with pytest.raises(Refused, match="among the people"):
        invite(head, uosis)


def test_letters_to_one_address_and_by_one_person_are_few(head: Account, uosis: Company) -> None:
    """T07: nobody is flooded."""
    made = invite(head, uosis)
    for _ in range(invitations.TO_ONE_PER_DAY - 1):
        invitations.send_again(head, made, site_url=SITE)
    with pytest.raises(Refused, match="enough letters"):
        invitations.send_again(head, made, site_url=SITE)
    for number in range(invitations.PER_DAY - invitations.TO_ONE_PER_DAY - 1):  # one letter more was tried, and counted
        invite(head, uosis, f"p{number}@uosis.example")
    with pytest.raises(Refused, match="invitations today"):
        invite(head, uosis, "dar@uosis.example")


def test_who_may_not_invite_takes_nothing_back_and_sends_nothing_again(north: Organisation, head: Account, uosis: Company) -> None:
    """T08"""
    made, clerk = invite(head, uosis), factories.account(north, "ben@uosis.example")
    factories.represents(clerk, uosis, "user")
    with pytest.raises(Missing):
        invitations.revoke(clerk, made)
    with pytest.raises(Refused) as no:
        invitations.send_again(clerk, made, site_url=SITE)
    assert no.value.message == companies.NOT_YOURS
    assert waits(made)


@pytest.mark.parametrize("email", ["kazkas@gmail.com", "kazkas@kita.example"])
def test_only_a_companys_own_address_is_invited_where_that_is_the_rule(head: Account, uosis: Company, email: str) -> None:
    """IB-46, K13, T07: no public mail service, even where staff once took it for the company's own."""
    settings.change(uosis.organisation, "company_email_only", True, by=events.OPERATOR)
    Company.update(email_domain="gmail.com" if "gmail" in email else "uosis.example").where(Company.id == uosis.id).execute()
    fresh = Company.get_by_id(uosis.id)
    with pytest.raises(Refused, match=r"open to everyone|ends with @"):
        invite(Account.get_by_id(head.id), fresh, email)
    assert not Invitation.select().exists()


def test_an_address_of_the_company_gives_nothing_by_itself(north: Organisation, uosis: Company) -> None:
    """T07: whoever registers with it, and is not invited, represents nobody."""
    Company.update(email_domain="uosis.example").execute()
    anna = registered(north, "kazkas@uosis.example")
    assert companies.held(anna) == []


def registered(north: Organisation, email: str, invitation: Invitation | None = None) -> Account:
    """Register, and type the code of the letter."""
    registration.register(
        north,
        person_type="natural",
        name="Nauja",
        email=email,
        phone="+37060000009",
        password=factories.PASSWORD,
        consents_given={text.id for text in consents.asked(north)},
        language="lt",
        site_url=SITE,
        source="10.0.0.0/24",
        flow="f" * 20,
        invitation=invitation,
    )
    code = Message.select().where(Message.kind == "confirm_by_code").order_by(Message.id.desc()).get().facts["code"]
    registration.confirm_code(north, "f" * 20, code, source="10.0.0.0/24")
    return Account.get(email_key=email.casefold())


def test_who_registers_from_an_invitation_has_the_place_once_the_code_is_typed(head: Account, uosis: Company) -> None:
    """IB-45"""
    made = invite(head, uosis)
    with pytest.raises(Refused, match="address to which our letter came"):
        registered(uosis.organisation, "kitas@uosis.example", made)
    assert not Confirmation.select().exists()
    anna = registered(uosis.organisation, NEW, made)
    assert companies.place(anna, uosis).access_type.name == "authorised_person"
    assert not waits(made)


def test_an_invitation_that_died_meanwhile_gives_an_account_and_nothing_else(head: Account, uosis: Company) -> None:
    """T08"""
    made = invite(head, uosis)
    invitations.revoke(head, made)
    assert companies.held(registered(uosis.organisation, NEW, made)) == []


def test_a_user_who_is_invited_higher_rises_and_a_head_falls_by_no_invitation(north: Organisation, head: Account, uosis: Company) -> None:
    """IB-31, IB-41: the address may have become theirs after the letter was sent."""
    made = invite(head, uosis)
    anna = factories.account(north, NEW)
    factories.represents(anna, uosis, "user")
    invitations.accept(anna, made)
    assert companies.place(anna, uosis).access_type.name == "authorised_person"
    late = invite(head, uosis, "kita@uosis.example", "user")
    Account.update(email="kita@uosis.example", email_key="kita@uosis.example").where(Account.id == head.id).execute()
    with pytest.raises(Refused, match="or more"):
        invitations.accept(Account.get_by_id(head.id), late)


def test_staff_invite_for_a_company_that_nobody_looks_after(north: Organisation, uosis: Company, anna: Account) -> None:
    """N05: with a reason, and never a head."""
    agent = factories.staff(north)
    with pytest.raises(Refused, match="Enter the reason"):
        invitations.invite_by_staff(uosis, email=NEW, access_type="user", reason="", site_url=SITE, by=agent)
    with pytest.raises(Refused, match="Select an access type"):
        invitations.invite_by_staff(uosis, email=NEW, access_type="company_head", reason="x", site_url=SITE, by=agent)
    made = invitations.invite_by_staff(uosis, email=NEW, access_type="authorised_person", reason="Board letter", site_url=SITE, by=agent)
    invitations.send_again_by_staff(made, reason="It was lost", site_url=SITE, by=agent)
    assert invitations.accept(anna, made).granted_by == north.name
    other = invitations.invite_by_staff(uosis, email="x@uosis.example", access_type="user", reason="Asked", site_url=SITE, by=agent)
    invitations.revoke_by_staff(other, reason="Not asked", by=agent)
    assert not waits(other)


def test_who_looks_after_a_companys_people_hears_whom_staff_invite_and_who_came(head: Account, uosis: Company, anna: Account) -> None:
    """IB-57: nobody slips in; whoever came hears it otherwise."""
    agent = factories.staff(uosis.organisation)
    made = invitations.invite_by_staff(uosis, email=NEW, access_type="authorised_person", reason="Asked", site_url=SITE, by=agent)
    told = Message.select().where(Message.kind == "invited_by_staff").order_by(Message.id)
    assert [(m.account, m.facts["who"], m.facts["is_taken"]) for m in told] == [(head, NEW, False)]
    invitations.accept(anna, made)
    assert [(m.account, m.facts["is_taken"]) for m in told.clone()] == [(head, False), (head, True)]


@pytest.mark.parametrize("how", ["dismissed", "other role"])
def test_an_invitation_of_who_may_invite_no_more_is_worth_nothing(uosis: Company, anna: Account, how: str) -> None:
    """T08"""
    agent, administrator = factories.staff(uosis.organisation), factories.staff(uosis.organisation, "administrator")
    made = invitations.invite_by_staff(uosis, email=NEW, access_type="user", reason="Asked", site_url=SITE, by=agent)
    if how == "dismissed":
        staff.dismiss(agent, reason="Left", by=administrator)
        assert Invitation.get_by_id(made.id).ended_by == "inviter"
    else:
        staff.change_role(agent, role="auditor", reason="Moved", by=administrator)
    with pytest.raises((Missing, Refused)):
        invitations.accept(anna, made)
    assert not Representative.select().where(Representative.account == anna).exists()


# ---- at the same moment -------------------------------------------------------------------------------------------------


def test_of_twenty_who_take_one_invitation_at_once_one_does(head: Account, uosis: Company, anna: Account) -> None:
    """T08, G11: twenty windows of the one account that may."""
    made = invite(head, uosis)

    def act(_: int) -> str:
        try:
            invitations.accept(Account.get_by_id(anna.id), Invitation.get_by_id(made.id))
        except Missing:
            return "over"
        return "taken"

    assert at_once(20, act).count("taken") == 1
    assert Event.select().where(Event.name == "invitation.accepted").count() == 1
    assert Representative.select().where(Representative.account == anna).count() == 1


def test_taking_it_while_its_giver_is_removed_leaves_no_place_without_a_giver(
    north: Organisation, head: Account, uosis: Company, anna: Account
) -> None:
    """T08, G11: either the place was given by somebody who could, or it was not given."""
    inviter = factories.account(north, "igaliota@uosis.example")
    place = factories.represents(inviter, uosis, "authorised_person")
    made = invite(inviter, uosis)

    def act(number: int) -> None:
        try:
            if number == 7:
                with unit_of_work():
                    companies.remove(Account.get_by_id(head.id), Representative.get_by_id(place.id))
            else:
                invitations.accept(Account.get_by_id(anna.id), Invitation.get_by_id(made.id))
        except Missing:
            pass

    at_once(20, act)
    fresh = Invitation.get_by_id(made.id)
    assert (fresh.taken_at is None) == (fresh.ended_by == "inviter") == (companies.held(Account.get_by_id(anna.id)) == [])
    assert Representative.get_by_id(place.id).until_at is not None
