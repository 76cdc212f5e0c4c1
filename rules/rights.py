"""What each access type lets a customer do with a contract, as an administrator sets it (K08), within limits that nobody can saw off."""

from peewee import Value

from models import N_, AccessType, Membership, Share, Staff
from rules import access, events, holding
from rules.refusal import Refused
from rules.work import unit_of_work

# Whoever has a contract may let it go; its owner sees what it costs and why; who was given it by an owner gives it to nobody (T09).
OF_ALL = frozenset({"contract.detach"})
OF_OWNERS = frozenset({"contract.view", "invoice.view", "meter.view"})
# Somebody looks after a company's people whatever happens: its heads, of whom only the register decides (IB-31).
OF_HEADS = frozenset({"company.view", "representative.change", "representative.view"})
NEVER = {"shared_person": frozenset({"contract.share"})}


def change_deeds(kind: AccessType, *, deeds: list[str], reason: str, by: Staff) -> None:
    """Say what an access type allows from now on, to all who have it. Raises Refused without a reason, for what must stay or must not
    be given, where nothing would change, and where somebody was faster."""
    if not reason.strip():
        raise Refused(N_("Enter the reason"), field="reason")
    wanted = set(deeds)
    missing = sorted((OF_ALL | {"owner": OF_OWNERS, access.HEAD: OF_HEADS}.get(kind.name, frozenset())) - wanted)
    if missing:
        raise Refused(N_("This must stay allowed: {deed}"), field="deeds", deed=Refused(access.CUSTOMER_DEEDS[missing[0]]))
    barred = sorted((wanted - set(access.CUSTOMER_DEEDS)) | (wanted & NEVER.get(kind.name, frozenset())))
    if barred:
        deed = Refused(access.CUSTOMER_DEEDS[barred[0]]) if barred[0] in access.CUSTOMER_DEEDS else barred[0]
        raise Refused(N_("This cannot be allowed here: {deed}"), field="deeds", deed=deed)
    if "reading.declare" in wanted and "meter.view" not in wanted:
        raise Refused(N_("Who declares readings must see meters"), field="deeds")
    after = {other.name: set(other.deeds) for other in AccessType.select().where(AccessType.organisation == kind.organisation_id)}
    after[kind.name] = wanted
    shared = after.get("shared_person", set())
    if any("contract.share" in allowed and not shared <= allowed for allowed in after.values()):
        raise Refused(N_("Who may share must be allowed all that a shared person is"), field="deeds")
    old, new = sorted(kind.deeds), sorted(wanted)
    if old == new:
        raise Refused(N_("It allows exactly this already: nothing was changed."), field="deeds")
    with unit_of_work():
        as_read = Value(kind.deeds, converter=AccessType.deeds.db_value, unpack=False)
        unchanged = (AccessType.id == kind.id) & (AccessType.deeds == as_read)
        if not AccessType.update(deeds=new).where(unchanged).execute():
            raise Refused(N_("Somebody else has changed this meanwhile. Look at it again."))
        if "contract.share" in set(old) - set(new):
            given = Share.select().join(Membership, on=Share.given_through).where(Membership.access_type == kind)
            # The last one first: what was shared further on ends before what it hangs on.
            for share in list(given.where(Share.ended_at.is_null()).order_by(Share.id.desc())):
                holding.end_share(share, "owner", by=by)
        events.record("accesstype.deeds_changed", kind, by=by, old=old, new=new, reason=reason.strip())
    kind.deeds = new
