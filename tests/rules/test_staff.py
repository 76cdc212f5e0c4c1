"""Who works here: invitation, sign-in with two things, roles and buildings, and that nobody raises themselves."""

from datetime import timedelta
from typing import Any

import pyotp
import pytest

from models import Building, Confirmation, Event, Lockout, Message, Organisation, Session, Staff, StaffBuilding, now
from rules import events, keys, lockouts, sessions, staff
from rules.refusal import Missing, Refused
from tests import factories
from tests.factories import PASSWORD
from tests.faults.test_races import race

URL = "https://staff.example.lt"
NETWORK = "192.0.2.0/24"
NEW_PASSWORD = "keturi zali traukiniai"


def code(secret: str, steps: int = 0) -> str:
    return pyotp.TOTP(secret).at(now() + timedelta(seconds=30 * steps))


def enter(person: Staff, password: str = PASSWORD, given: str | None = None, source: str = NETWORK, device: str | None = None) -> Staff:
    return staff.sign_in(person.email, password, given or code(person.totp_secret), source=source, device_secret=device)


@pytest.fixture
def administrator(north: Organisation) -> Staff:
    return factories.staff(north, "administrator")


# ---- signing in -------------------------------------------------------------------------------------------------------


def test_password_and_code_together_let_a_colleague_in(north: Organisation) -> None:
    """N10"""
    person = factories.staff(north)
    assert enter(person).id == person.id
    assert Event.get(Event.name == "staff.signed_in").actor == f"staff:{person.id}"


@pytest.mark.parametrize("wrong", ["password", "code", "letters", "both", "nobody", "old code", "left", "not enrolled", "e-mail"])
def test_whatever_is_wrong_the_answer_is_the_same(north: Organisation, wrong: str) -> None:
    """N10, T47"""
    person = factories.staff(north)
    password, given = PASSWORD, code(person.totp_secret)
    if wrong in ("password", "both"):
        password = "Neteisingas-slaptazodis"
    if wrong in ("code", "both"):
        given = "000000" if given != "000000" else "000001"
    if wrong == "letters":
        given = "ąčęėįš"
    if wrong == "old code":
        given = code(person.totp_secret, -3)
    if wrong == "left":
        Staff.update(is_active=False).execute()
    if wrong == "not enrolled":
        Staff.update(password_hash="", totp_secret="").execute()
    if wrong in ("nobody", "e-mail"):
        person.email = "nobody@example.com" if wrong == "nobody" else "' OR 1=1 --"
    with pytest.raises(Refused) as no:
        enter(person, password, given)
    assert (no.value.message, no.value.facts) == (staff.WRONG, {})


def test_a_code_is_good_once(north: Organisation) -> None:
    """T61"""
    person = factories.staff(north)
    given = code(person.totp_secret)
    enter(person, given=given)
    with pytest.raises(Refused, match="not right"):
        enter(person, given=given)
    enter(person, given=code(person.totp_secret, 1))  # the next one, and a clock that is half a minute fast


def test_a_code_sent_twenty_times_at_once_opens_one_session(north: Organisation) -> None:
    """T61"""
    person = factories.staff(north)
    given = code(person.totp_secret)
    step = keys.totp_step(person.totp_secret, given, now().timestamp())
    assert step is not None
    assert sum(race(lambda _: staff._spend(person, step))) == 1


def test_five_wrong_tries_lock_and_the_right_password_does_not_help(north: Organisation) -> None:
    """T42"""
    person = factories.staff(north)
    for _ in range(4):
        with pytest.raises(Refused, match="not right"):
            enter(person, "Neteisingas")
    with pytest.raises(Refused, match="Too many wrong tries"):
        enter(person, "Neteisingas")
    with pytest.raises(Refused, match="You can sign in again from this device after") as no:
        enter(person)
    assert no.value.facts["until_at"] > now() + timedelta(hours=5)
    assert Staff.get(Staff.id == person.id).locked_until is not None
    assert Event.select().where(Event.name == "staff.locked").count() == 1


def test_nobodys_login_name_is_locked_alike(north: Organisation) -> None:
    """T47"""
    nobody = Staff(email="nobody@example.com", totp_secret=keys.new_totp_secret())
    for _ in range(5):
        with pytest.raises(Refused):
            enter(nobody, "Neteisingas")
    with pytest.raises(Refused, match="You can sign in again"):
        enter(nobody)


def test_a_stranger_cannot_lock_out_a_browser_that_was_here_before(north: Organisation) -> None:
    """M05, T43"""
    person = factories.staff(north)
    device = sessions.remember_device(person, None)
    for _ in range(6):
        with pytest.raises(Refused):
            enter(person, "Neteisingas", source="198.51.100.0/24")
    assert enter(person, device=device).id == person.id


def test_one_password_tried_on_everybody_is_stopped_at_the_network(north: Organisation) -> None:
    """T42"""
    for number in range(staff.WRONG_FROM_A_NETWORK):
        with pytest.raises(Refused, match="not right"):
            enter(Staff(email=f"a{number}@example.com", totp_secret=keys.new_totp_secret()), "Pavasaris2026")
    person = factories.staff(north)
    with pytest.raises(Refused, match="from your network"):
        enter(person)
    assert enter(person, source="198.51.100.0/24").id == person.id


# ---- invitations ------------------------------------------------------------------------------------------------------


def invite(by: Any, role: str = "agent", email: str = "rasa@example.com", **options: Any) -> str:
    organisation = options.pop("organisation", by.organisation if isinstance(by, Staff) else None)
    return staff.invite(email, role, organisation=organisation, by=by, staff_url=URL, **options)


def token(link: str) -> str:
    assert link.startswith(f"{URL}/invitation/")
    return link.rpartition("/")[2]


def test_an_invitation_sets_password_and_codes_once(administrator: Staff) -> None:
    """N10"""
    link = token(invite(administrator, name="Rasa"))
    person = Staff.get(Staff.email_key == "rasa@example.com")
    with pytest.raises(Refused):
        enter(person, "", code(staff.totp_secret(link)))
    secret = staff.totp_secret(link)
    assert staff.totp_secret(link) == secret
    made = staff.accept(link, NEW_PASSWORD, code(secret))
    assert (made.id, made.name, made.role, made.organisation_id) == (person.id, "Rasa", "agent", administrator.organisation_id)
    assert enter(made, NEW_PASSWORD, code(secret, 1)).id == person.id
    with pytest.raises(Refused, match="has been used or is too old"):
        staff.accept(link, NEW_PASSWORD, code(secret))
    mail = Message.get(Message.kind == "staff_invitation")
    assert (mail.to, mail.facts["hours"], mail.facts["role"]) == ("rasa@example.com", 72, "Customer service agent")
    assert link in mail.facts["url"]
    assert link not in str([*Confirmation.select().dicts()])
    assert {e.name for e in Event.select()} >= {"staff.invited", "staff.enrolled"}


def test_an_invitation_is_good_for_three_days(administrator: Staff) -> None:
    link = token(invite(administrator))
    Confirmation.update(expires_at=now() - timedelta(seconds=1)).execute()
    for act in (staff.invited, lambda t: staff.accept(t, NEW_PASSWORD, code(staff.totp_secret(t)))):
        with pytest.raises(Refused, match="too old"):
            act(link)
    with pytest.raises(Refused, match="too old"):
        staff.invited("never sent")


def test_of_twenty_who_open_an_invitation_at_once_one_gets_in(administrator: Staff) -> None:
    link = token(invite(administrator))
    outcomes = race(lambda n: staff.accept(link, f"{NEW_PASSWORD} {n}", code(staff.totp_secret(link))))
    assert sum(isinstance(one, Staff) for one in outcomes) == 1
    assert Event.select().where(Event.name == "staff.enrolled").count() == 1


@pytest.mark.parametrize(
    ("password", "given", "says"),
    [
        ("trumpas", None, "at least {shortest}"),
        ("x" * 129, None, "at most {longest}"),
        ("rasa@example.com", None, "must not be your name"),
        (NEW_PASSWORD, "000000", "not the one that the app shows"),
        (NEW_PASSWORD, "", "not the one that the app shows"),
    ],
)
def test_an_invitation_waits_until_password_and_code_are_right(administrator: Staff, password: str, given: str | None, says: str) -> None:
    link = token(invite(administrator))
    with pytest.raises(Refused, match=says):
        staff.accept(link, password, code(staff.totp_secret(link)) if given is None else given)
    assert staff.accept(link, NEW_PASSWORD, code(staff.totp_secret(link))).password_hash


def test_a_new_invitation_ends_the_old_one_and_every_session(administrator: Staff) -> None:
    old = token(invite(administrator))
    person = staff.accept(old, NEW_PASSWORD, code(staff.totp_secret(old)))
    sessions.open_for(person)
    first = token(staff.invite_again(person, by=administrator, staff_url=URL))
    second = token(staff.invite_again(person, by=administrator, staff_url=URL))
    with pytest.raises(Refused, match="too old"):
        staff.invited(first)
    assert Session.select().where(Session.staff == person).count() == 1  # until it is taken up
    fresh = staff.accept(second, f"{NEW_PASSWORD} 2", code(staff.totp_secret(second)))
    assert Session.select().where(Session.staff == person).count() == 0
    with pytest.raises(Refused):
        enter(fresh, NEW_PASSWORD, code(fresh.totp_secret, 1))


def test_the_operator_makes_the_first_administrator(db: object) -> None:
    link = token(invite(events.OPERATOR, "administrator"))
    made = staff.accept(link, NEW_PASSWORD, code(staff.totp_secret(link)))
    assert made.sees_install
    assert Event.get(Event.name == "staff.invited").actor == "operator"


@pytest.mark.parametrize("role", ["agent", "property_manager", "auditor"])
def test_only_an_administrator_invites(north: Organisation, role: str) -> None:
    """T30"""
    with pytest.raises(Missing):
        invite(factories.staff(north, role))
    assert Staff.select().count() == 1


def test_nobody_is_invited_for_another_organisation_or_for_all_of_them(administrator: Staff) -> None:
    """T30"""
    for organisation in (factories.organisation("south"), None):
        with pytest.raises(Refused, match="Select your own organisation"):
            invite(administrator, organisation=organisation)
    for role, says in (("root", "Select a role"), ("", "Select a role")):
        with pytest.raises(Refused, match=says):
            invite(administrator, role)
    with pytest.raises(Refused, match="belongs to one organisation"):
        invite(factories.staff(None, "administrator"), "property_manager")
    assert Staff.select().count() == 2


def test_an_address_is_invited_once_and_must_be_one(administrator: Staff) -> None:
    invite(administrator)
    with pytest.raises(Refused, match="works here already"):
        invite(administrator, email="RASA@example.com ")
    with pytest.raises(Refused, match="Enter an e-mail address"):
        invite(administrator, email="rasa")
    assert Message.select().where(Message.kind == "staff_invitation").count() == 1


# ---- roles ------------------------------------------------------------------------------------------------------------


def test_a_role_is_changed_with_a_reason_and_the_person_signed_out_and_told(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north, "agent")
    sessions.open_for(person)
    staff.change_role(person, role="auditor", reason="Perėjo į auditą ", by=administrator)
    assert Staff.get(Staff.id == person.id).role == "auditor"
    assert Session.select().where(Session.staff == person).count() == 0
    event = Event.get(Event.name == "staff.role_changed")
    assert event.facts == {"old": "agent", "new": "auditor", "reason": "Perėjo į auditą"}
    assert event.actor == f"staff:{administrator.id}"
    mail = Message.get(Message.kind == "staff_role_changed")
    assert (mail.to, mail.facts["old"], mail.facts["new"]) == (person.email, "Customer service agent", "Auditor")
    with pytest.raises(Refused, match="has this role already"):
        staff.change_role(person, role="auditor", reason="Dar kartą", by=administrator)
    assert Message.select().where(Message.kind == "staff_role_changed").count() == 1


def test_a_reason_must_be_given(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north, "property_manager", locked_until=now() + timedelta(hours=1))
    acts: list[Any] = [
        lambda: staff.change_role(person, role="agent", reason=" ", by=administrator),
        lambda: staff.change_buildings(person, buildings=[], reason="", by=administrator),
        lambda: staff.unlock(person, reason="", by=administrator),
        lambda: staff.dismiss(person, reason="\n", by=administrator),
    ]
    for act in acts:
        with pytest.raises(Refused, match="Enter the reason"):
            act()


def test_nobody_changes_their_own_role_or_buildings_or_leaves_by_their_own_hand(administrator: Staff, north: Organisation) -> None:
    """T30"""
    factories.staff(north, "administrator")
    own: list[Any] = [
        lambda: staff.change_role(administrator, role="agent", reason="x", by=administrator),
        lambda: staff.change_buildings(administrator, buildings=[], reason="x", by=administrator),
        lambda: staff.dismiss(administrator, reason="x", by=administrator),
    ]
    for act in own:
        with pytest.raises(Refused, match="your own"):
            act()
    assert Staff.get(Staff.id == administrator.id).role == "administrator"


@pytest.mark.parametrize("who", ["agent", "property_manager", "auditor", "southern", "demoted"])
def test_whom_one_may_not_change_is_missing(administrator: Staff, north: Organisation, who: str) -> None:
    """T30"""
    person = factories.staff(north, "agent")
    by = factories.staff(factories.organisation("south"), "administrator") if who == "southern" else administrator
    if who in ("agent", "property_manager", "auditor"):
        by = factories.staff(north, who)
    if who == "demoted":  # the page was opened with the role that is gone by now
        Staff.update(role="agent").where(Staff.id == by.id).execute()
    for act in (
        lambda: staff.change_role(person, role="administrator", reason="x", by=by),
        lambda: staff.change_buildings(person, buildings=[], reason="x", by=by),
        lambda: staff.unlock(person, reason="x", by=by),
        lambda: staff.dismiss(person, reason="x", by=by),
        lambda: staff.invite_again(person, by=by, staff_url=URL),
    ):
        with pytest.raises(Missing):
            act()
    assert not Event.select().exists()


def test_staff_of_the_whole_install_are_beyond_an_organisations_administrator(administrator: Staff) -> None:
    """T30"""
    person = factories.staff(None, "agent")
    with pytest.raises(Missing):
        staff.change_role(person, role="administrator", reason="x", by=administrator)
    staff.change_role(person, role="auditor", reason="x", by=factories.staff(None, "administrator"))
    with pytest.raises(Refused, match="belongs to one organisation"):
        staff.change_role(person, role="property_manager", reason="x", by=factories.staff(None, "administrator"))


def test_the_last_administrator_of_an_organisation_stays(administrator: Staff) -> None:
    """T30"""
    above = factories.staff(None, "administrator")
    for act in (
        lambda: staff.change_role(administrator, role="agent", reason="x", by=above),
        lambda: staff.dismiss(administrator, reason="x", by=above),
    ):
        with pytest.raises(Refused, match="last administrator"):
            act()
    invited = factories.staff(administrator.organisation, "administrator")
    Staff.update(password_hash="", totp_secret="").where(Staff.id == invited.id).execute()
    with pytest.raises(Refused, match="last administrator"):  # the other one has not come in yet, and may never
        staff.dismiss(administrator, reason="x", by=above)
    staff.dismiss(invited, reason="x", by=administrator)
    factories.staff(administrator.organisation, "administrator")
    staff.change_role(administrator, role="agent", reason="x", by=above)


# ---- buildings --------------------------------------------------------------------------------------------------------


def test_a_property_manager_gets_other_buildings(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north, "property_manager")
    old, kept, new = (factories.building(north, f"{name} g. 1") for name in ("Senoji", "Likusi", "Naujoji"))
    for house in (old, kept):
        factories.manages(person, house)
    staff.change_buildings(person, buildings=[kept, new], reason="Nauja sutartis", by=administrator)
    assert {house.address for house in Building.within(person)} == {"Likusi g. 1", "Naujoji g. 1"}
    event = Event.get(Event.name == "staff.buildings_changed")
    assert event.facts == {"old": ["Likusi g. 1", "Senoji g. 1"], "new": ["Likusi g. 1", "Naujoji g. 1"], "reason": "Nauja sutartis"}
    with pytest.raises(Refused, match="exactly these buildings already"):
        staff.change_buildings(person, buildings=[new, kept], reason="x", by=administrator)
    staff.change_buildings(person, buildings=[], reason="x", by=administrator)
    assert not Building.within(person).exists()


def test_buildings_of_another_organisation_cannot_be_given(administrator: Staff, north: Organisation) -> None:
    """T30"""
    person, foreign = factories.staff(north, "property_manager"), factories.building(factories.organisation("south"))
    for by in (administrator, factories.staff(None, "administrator")):
        with pytest.raises(Missing):
            staff.change_buildings(person, buildings=[foreign], reason="x", by=by)
    with pytest.raises(Refused, match="Only a property manager has buildings"):
        staff.change_buildings(factories.staff(north, "agent"), buildings=[], reason="x", by=administrator)
    assert not StaffBuilding.select().exists()


def test_buildings_go_with_the_role(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north, "property_manager")
    factories.manages(person, factories.building(north))
    staff.change_role(person, role="agent", reason="x", by=administrator)
    staff.change_role(person, role="property_manager", reason="x", by=administrator)
    assert not StaffBuilding.select().exists()


# ---- unlocking and leaving --------------------------------------------------------------------------------------------


def test_an_administrator_unlocks_a_colleague(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north)
    for _ in range(5):
        with pytest.raises(Refused):
            enter(person, "Neteisingas")
    staff.unlock(person, reason="Skambino", by=administrator)
    assert enter(person).id == person.id
    assert Event.get(Event.name == "staff.unlocked").facts["reason"] == "Skambino"
    assert not Lockout.select().exists()
    with pytest.raises(Refused, match="is not locked"):
        staff.unlock(person, reason="Skambino", by=administrator)


def test_who_was_tried_too_often_in_a_row_hears_what_helps(north: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lockouts, "TOGETHER", 1000)
    person = factories.staff(north)
    for _ in range(lockouts.IN_A_ROW):
        lockouts.failed(lockouts.STAFF, person.email, NETWORK, None, after=1000, hours=6, person=person)
    with pytest.raises(Refused, match="Ask an administrator to unlock you"):
        enter(person)


def test_who_leaves_is_out_at_once_and_comes_back_only_by_invitation(administrator: Staff, north: Organisation) -> None:
    person = factories.staff(north, "property_manager")
    factories.manages(person, factories.building(north))
    secret = sessions.open_for(person)
    waiting = token(staff.invite_again(person, by=administrator, staff_url=URL))
    staff.dismiss(person, reason="Išėjo iš darbo", by=administrator)
    assert sessions.staff(secret) is None
    with pytest.raises(Refused, match="not right"):
        enter(person)
    with pytest.raises(Refused, match="too old"):
        staff.invited(waiting)
    with pytest.raises(Refused, match="does not work here any more"):
        staff.dismiss(person, reason="Dar kartą", by=administrator)
    link = token(staff.invite_again(person, by=administrator, staff_url=URL))
    back = staff.accept(link, NEW_PASSWORD, code(staff.totp_secret(link)))
    assert back.is_active
    assert not Building.within(back).exists()
