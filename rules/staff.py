"""Who works here: invitations, sign-in with a second factor, roles and buildings. Nobody raises themselves (T30, T61, N10)."""

import base64
from datetime import datetime, timedelta
from typing import Any

from peewee import IntegrityError

from models import N_, ROLES, Building, Confirmation, Organisation, Staff, StaffBuilding, database, fold, now
from rules import access, details, events, invitations, keys, limits, links, lockouts, messages, sessions
from rules.refusal import Missing, Refused
from rules.work import unit_of_work

INVITATION_HOURS = 72
LOCK_AFTER, LOCK_HOURS = 5, 6
# Wrong sign-ins from one network, whatever the login names: one password tried on everybody (T42).
WRONG_FROM_A_NETWORK = 30
SHORTEST_PASSWORD = 12

WRONG = N_("The e-mail, the password or the code is not right. Check all three and use a new code.")
LOCKED = N_("Too many wrong tries. You can sign in again from this device after {until_at}, or ask an administrator to unlock you.")
OFF = N_("Too many wrong tries. Ask an administrator to unlock you or to send you a new invitation.")
OVER = N_("This invitation has been used or is too old. Ask an administrator to send you a new one.")


# ---- signing in -------------------------------------------------------------------------------------------------------


def sign_in(email: str, password: str, code: str, *, source: str, device_secret: str | None) -> Staff:
    """Who this is, by password and one-time code together.

    Raises Refused with the same sentence whatever was wrong and whether anyone has this e-mail; after too many, until when it is
    locked. Not inside a unit of work: what is counted must stay.
    """
    login, at = email.strip().casefold(), now()
    person = Staff.get_or_none((Staff.email_key == login) & Staff.is_active)
    device = sessions.known_device(person, device_secret) if person else None
    until = lockouts.locked_until(lockouts.STAFF, login, source, device)
    if until is not None:
        raise _locked(until)
    if device is None and limits.used("staff sign-in", source) >= WRONG_FROM_A_NETWORK:
        raise Refused(N_("Too many wrong tries from your network. Try again in an hour."))
    is_password = keys.is_password(person.password_hash if person else None, password[: details.LONGEST_PASSWORD])
    step = keys.totp_step(person.totp_secret if person and person.totp_secret else keys.new_totp_secret(), code, at.timestamp())
    if person is None or not is_password or step is None or not _spend(person, step):
        limits.count("staff sign-in", source, limits.HOUR)
        until = lockouts.failed(lockouts.STAFF, login, source, device, after=LOCK_AFTER, hours=LOCK_HOURS, person=person)
        raise _locked(until) if until else Refused(WRONG)
    until = lockouts.succeeded(lockouts.STAFF, login, source, device)
    if until is not None:
        raise _locked(until)
    with unit_of_work():
        events.record("staff.signed_in", person, by=person)
    return person


def _locked(until: datetime) -> Refused:
    return Refused(OFF) if until == lockouts.UNTIL_RESET else Refused(LOCKED, until_at=until)


def sign_out(person: Staff) -> None:
    """Write down that someone left; the site ends the session."""
    with unit_of_work():
        events.record("staff.signed_out", person, by=person)


def _spend(person: Staff, step: int) -> bool:
    """Whether this one-time code is used for the first time: of two at once one is (T61)."""
    used = Staff.update(totp_last_step=step).where((Staff.id == person.id) & (Staff.totp_last_step < step)).execute()
    return bool(used)


# ---- invitations ------------------------------------------------------------------------------------------------------


def invite(
    email: str, role: str, *, organisation: Organisation | None, by: Staff | str, staff_url: str, name: str = "", language: str = "lt"
) -> str:
    """Add someone who works here, for one organisation or (None) for the whole install; returns the link that lets them in.

    The same link goes to them by mail: it works once, for 72 hours, and sets their password and one-time codes.
    Raises Refused for a role or organisation that is not `by`'s to give, an address that is none, or someone who is here already.
    """
    _may(by, "staff.invite")
    if isinstance(by, Staff) and not by.sees_install and (organisation is None or organisation.id != by.organisation_id):
        raise Refused(N_("Select your own organisation"), field="organisation")
    _check_role(role, organisation, by)
    address = details.address(email)
    try:
        with unit_of_work():
            person = Staff.create(
                organisation=organisation, email=address, role=role, name=name.strip() or address.partition("@")[0], language=language
            )
            return _invitation(person, by, staff_url)
    except IntegrityError:
        raise Refused(N_("Someone with this e-mail address works here already"), field="email") from None


def invite_again(person: Staff, *, by: Staff, staff_url: str) -> str:
    """Send a new link to someone who lost the first, their phone or their password; older links end. Returns the new one."""
    with unit_of_work():
        person, by = _fresh(person, by, "staff.invite")
        _check_role(person.role, person.organisation, by)
        return _invitation(person, by, staff_url)


def _invitation(person: Staff, by: Staff | str, staff_url: str) -> str:
    _end_invitations(person)
    token = keys.new_token()
    sent = Confirmation.create(
        purpose="invite_staff",
        organisation=person.organisation_id,
        staff=person,
        address=person.email,
        digest=keys.digest("invite_staff", token),
        expires_at=now() + timedelta(hours=INVITATION_HOURS),
    )
    url = links.staff_invitation(staff_url, token)
    messages.put(
        "staff_invitation",
        person,
        organisation=person.organisation,
        dedupe_key=f"staff_invitation:{sent.id}",
        lane=messages.SOMEONE_WAITS,
        url=url,
        hours=INVITATION_HOURS,
        role=dict(ROLES)[person.role],
    )
    events.record("staff.invited", person, by=by, role=person.role)
    return url


def _end_invitations(person: Staff) -> None:
    Confirmation.update(used_at=now()).where((Confirmation.staff == person) & Confirmation.used_at.is_null()).execute()


def invited(token: str) -> Staff:
    """Whom an invitation is for. Raises Refused when it is used, too old or was never sent."""
    sent = _sent(token)
    if sent is None:
        raise Refused(OVER)
    return sent.staff


def totp_secret(token: str) -> str:
    """The secret for the authenticator app that belongs to an invitation: the same whenever its page is opened, stored only when
    it is accepted."""
    return base64.b32encode(bytes.fromhex(keys.digest("totp", token))[:20]).decode()


def accept(token: str, password: str, code: str) -> Staff:
    """Take up an invitation: the password and the one-time codes hold from now on, and every older session ends.

    Raises Refused for a password that is too short, a code that does not fit, or an invitation that is over.
    """
    at = now()
    sent = _sent(token)
    if sent is None:
        raise Refused(OVER)
    person = sent.staff
    if len(password) < SHORTEST_PASSWORD:
        raise Refused(N_("The password must have at least {shortest} characters"), field="password", shortest=SHORTEST_PASSWORD)
    if len(password) > details.LONGEST_PASSWORD:
        raise Refused(N_("The password must have at most {longest} characters"), field="password", longest=details.LONGEST_PASSWORD)
    if fold(password) in (fold(person.email), fold(person.name)):
        raise Refused(N_("The password must not be your name or e-mail"), field="password")
    secret = totp_secret(token)
    step = keys.totp_step(secret, code, at.timestamp())
    if step is None:
        raise Refused(N_("The code is not the one that the app shows now. Wait for the next one and enter it"), field="code")
    hashed = keys.hash_password(password)
    with unit_of_work():
        # Someone else may have sent the same page a moment earlier.
        taken = Confirmation.update(used_at=at).where((Confirmation.id == sent.id) & Confirmation.used_at.is_null()).execute()
        if not taken:
            raise Refused(OVER)
        lockouts.forget(lockouts.STAFF, person.email)  # see `unlock`
        Staff.update(
            password_hash=hashed, totp_secret=secret, totp_last_step=step, is_active=True, locked_until=None, version=Staff.version + 1
        ).where(Staff.id == person.id).execute()
        sessions.end_all(person)
        events.record("staff.enrolled", person, by=person)
    return Staff.get(Staff.id == person.id)


def _sent(token: str) -> Any:
    return (
        Confirmation.select(Confirmation, Staff)
        .join(Staff)
        .where(
            (Confirmation.digest == keys.digest("invite_staff", token))
            & (Confirmation.purpose == "invite_staff")
            & Confirmation.used_at.is_null()
            & (Confirmation.expires_at > now())
        )
        .first()
    )


# ---- roles, buildings, leaving ----------------------------------------------------------------------------------------


def change_role(person: Staff, *, role: str, reason: str, by: Staff) -> None:
    """Give someone another role; they are signed out everywhere and told.

    Raises Refused for one's own role, a role that is not `by`'s to give, the one held already, and the last administrator.
    """
    _check_reason(reason)
    with unit_of_work():
        person, by = _fresh(person, by, "staff.change_role")
        if person.id == by.id:
            raise Refused(N_("You cannot change your own role. Ask another administrator."))
        _check_role(role, person.organisation, by)
        old = person.role
        if role == old:
            raise Refused(N_("{name} has this role already"), field="role", name=person.name)
        if old == "administrator":
            _keep_an_administrator(person)
        changed = (
            Staff.update(role=role, version=Staff.version + 1)
            .where((Staff.id == person.id) & (Staff.role == old) & Staff.is_active)
            .execute()
        )
        if not changed:
            raise Refused(N_("Somebody else has just changed this person's role. Look at it again."))
        StaffBuilding.delete().where(StaffBuilding.staff == person).execute()  # they belong to the old role
        sessions.end_all(person)
        event = events.record("staff.role_changed", person, by=by, old=old, new=role, reason=reason.strip())
        messages.put(
            "staff_role_changed",
            person,
            organisation=person.organisation,
            dedupe_key=f"staff_role_changed:{event.id}",
            old=dict(ROLES)[old],
            new=dict(ROLES)[role],
        )


def change_buildings(person: Staff, *, buildings: list[Building], reason: str, by: Staff) -> None:
    """Say which buildings a property manager runs, from the next page they open on.

    Raises Refused for one's own, for anyone who is not a property manager, and where nothing would change; Missing for a building
    that is not `by`'s to give.
    """
    _check_reason(reason)
    with unit_of_work():
        person, by = _fresh(person, by, "staff.change_buildings")
        if person.id == by.id:
            raise Refused(N_("You cannot change your own buildings. Ask another administrator."))
        if person.role != "property_manager":
            raise Refused(N_("Only a property manager has buildings. Change the role of {name} first"), field="buildings", name=person.name)
        wanted = {house.id: house.address for house in buildings}
        given = Building.within(by).where(Building.id.in_(list(wanted)) & (Building.organisation == person.organisation_id))
        if given.count() != len(wanted):
            raise Missing
        held = {house.id: house.address for house in Building.select().join(StaffBuilding).where(StaffBuilding.staff == person)}
        if set(held) == set(wanted):
            raise Refused(N_("{name} has exactly these buildings already"), field="buildings", name=person.name)
        StaffBuilding.delete().where((StaffBuilding.staff == person) & StaffBuilding.building.not_in(list(wanted) or [0])).execute()
        for house in set(wanted) - set(held):
            StaffBuilding.insert(staff=person, building=house).on_conflict_ignore().execute()
        events.record(
            "staff.buildings_changed", person, by=by, old=sorted(held.values()), new=sorted(wanted.values()), reason=reason.strip()
        )


def unlock(person: Staff, *, reason: str, by: Staff) -> None:
    """Let someone sign in again before the lock ends (IB-61 for those who work here). Raises Refused when nothing is locked."""
    _check_reason(reason)
    with unit_of_work():
        person, by = _fresh(person, by, "staff.unlock")
        lockouts.forget(lockouts.STAFF, person.email)  # counts before the person, as wrong passwords do: else both wait for one another
        unlocked = Staff.update(locked_until=None).where((Staff.id == person.id) & (Staff.locked_until > now())).execute()
        if not unlocked:
            raise Refused(N_("{name} is not locked"), name=person.name)
        events.record("staff.unlocked", person, by=by, until=person.locked_until.isoformat(), reason=reason.strip())


def dismiss(person: Staff, *, reason: str, by: Staff) -> None:
    """End someone's work here: signed out at once, no way in until invited again. What they did stays written.

    Raises Refused for oneself, for who has left already, and for the last administrator.
    """
    _check_reason(reason)
    with unit_of_work():
        person, by = _fresh(person, by, "staff.dismiss")
        if person.id == by.id:
            raise Refused(N_("You cannot end your own work here. Ask another administrator."))
        if person.role == "administrator":
            _keep_an_administrator(person)
        ended = Staff.update(is_active=False, version=Staff.version + 1).where((Staff.id == person.id) & Staff.is_active).execute()
        if not ended:
            raise Refused(N_("{name} does not work here any more"), name=person.name)
        StaffBuilding.delete().where(StaffBuilding.staff == person).execute()
        _end_invitations(person)
        invitations.end_of_staff(person, by=by)
        sessions.end_all(person)
        events.record("staff.dismissed", person, by=by, reason=reason.strip())


def _may(by: Staff | str, deed: str) -> None:
    if isinstance(by, Staff) and not access.allows(by, deed):
        raise Missing


def _fresh(person: Staff, by: Staff, deed: str) -> tuple[Staff, Staff]:
    """Both as they are now, not as they were when the page was opened. Raises Missing where `by` may not do it with this person."""
    rows = {row.id: row for row in Staff.select().where(Staff.id.in_([person.id, by.id]))}
    if not access.allows(rows[by.id], deed, rows[person.id]):
        raise Missing
    return rows[person.id], rows[by.id]


def _check_reason(reason: str) -> None:
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")


def _check_role(role: str, organisation: Organisation | None, by: Staff | str) -> None:
    given = access.GRANTABLE_ROLES.get(by.role, ()) if isinstance(by, Staff) else dict(ROLES)
    if role not in given:
        raise Refused(N_("Select a role that you may give"), field="role")
    if role == "property_manager" and organisation is None:
        raise Refused(N_("A property manager belongs to one organisation: select it"), field="organisation")


def _keep_an_administrator(person: Staff) -> None:
    """Refuse where this is the last administrator of the organisation, or of the whole install, who can sign in: who has not taken up
    the invitation is none yet. The others are held until the end of the transaction, so that two who remove each other cannot both
    succeed."""
    same = Staff.organisation.is_null() if person.organisation_id is None else Staff.organisation == person.organisation_id
    can_enter = Staff.is_active & (Staff.password_hash != "")
    rows = Staff.select(Staff.id).where(same & (Staff.role == "administrator") & can_enter).order_by(Staff.id)
    if database.for_update:
        rows = rows.for_update()
    if [row.id for row in rows] == [person.id]:
        raise Refused(N_("This is the last administrator. Give somebody else this role first."))
