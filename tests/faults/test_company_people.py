"""Whatever people, staff and the register do to a company's people, in whatever order: a state machine that walks it (T06).

`make test` walks two hundred steps, always the same, on each database; `make faults` two thousand others.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from models import Account, Company, Contract, Head, Identity, Invitation, Membership, Organisation, Representative, Staff, database
from rules import access, clock, companies, heads, identities, invitations
from rules.refusal import Missing, Refused
from rules.work import unit_of_work
from tests import factories
from tests.faults import FULL
from tests.rules.test_companies import in_step

CODES = ("40404040009", "50001029996", "30303039914", "40504040001", "61101019999")
PEOPLE, CONTRACTS, STEPS = len(CODES), 4, 25
WALKS = 80 if FULL else 8
SITE = "https://savitarna.example/north"
WHO, WHICH, OF = st.integers(0, PEOPLE - 1), st.integers(0, CONTRACTS - 1), st.integers(0, 2)
KIND = st.sampled_from(access.COMPANY_TYPES)


@dataclass(frozen=True)
class Named:
    """One of the people, as the register names a head."""

    number: int
    country = "LT"
    first_name, last_name, since_on = "Vardas", "Pavardė", None

    @property
    def code(self) -> str:
        return CODES[self.number]

    def is_head(self, day: date, /) -> bool:
        return True


@dataclass(frozen=True)
class Said:
    """What the register says of one company."""

    code: str
    name: str
    heads: tuple[Named, ...]
    status: str | None = None


class Companies(RuleBasedStateMachine):
    """Five people, three companies of which one belongs to another, four contracts; heads come and go by the register alone."""

    north: Organisation

    @initialize()
    def begin(self) -> None:
        self.walk = database.atomic()  # each begins where the test began
        self.undo = self.walk.__enter__()
        self.agent = Staff.get()

    def teardown(self) -> None:
        self.undo.rollback()
        self.walk.__exit__(None, None, None)

    # ---- whom and what a step is about

    def person(self, number: int) -> Account:
        return list(Account.select().order_by(Account.id))[number]

    def company(self, number: int) -> Company:
        return list(Company.select().order_by(Company.id))[number]

    def place(self, who: int, of: int) -> Representative | None:
        live = Representative.until_at.is_null() & (Representative.account == self.person(who))
        return Representative.select().where(live & (Representative.company == self.company(of))).first()

    def kinds(self) -> dict[tuple[int, int], str]:
        rows = Representative.select().where(Representative.until_at.is_null())
        return {(row.account_id, row.company_id): row.access_type.name for row in rows}

    def step(self, act: Any, *, entitled: bool) -> None:
        """Do it or be refused, whole; nobody rises in a step that nobody entitled did."""
        before = self.kinds()
        try:
            with unit_of_work():
                act()
        except (Refused, Missing):
            assert self.kinds() == before
            return
        rank = access.COMPANY_TYPES.index
        after = self.kinds()
        rises = [key for key, kind in after.items() if key not in before or rank(kind) < rank(before[key])]
        assert entitled or not rises, rises

    def manages(self, who: int, of: int) -> bool:
        place = self.place(who, of)
        return place is not None and companies.MANAGES in place.access_type.deeds

    # ---- by people

    @rule(who=WHO, to=WHO, of=OF, kind=KIND)
    def invite(self, who: int, to: int, of: int, kind: str) -> None:
        offered = Invitation.select().count()
        may = self.manages(who, of) and kind != access.HEAD
        email = self.person(to).email
        act = lambda: invitations.invite(self.person(who), self.company(of), email=email, access_type=kind, site_url=SITE)  # noqa: E731
        self.step(act, entitled=False)
        assert may or Invitation.select().count() == offered

    @rule(who=WHO, number=st.integers(0, 5))
    def accept(self, who: int, number: int) -> None:
        waiting = list(Invitation.select().order_by(Invitation.id.desc()).limit(6))
        if number < len(waiting):
            one = waiting[number]
            is_theirs = one.email_key == self.person(who).email_key and one.taken_at is None and one.ended_at is None
            self.step(lambda: invitations.accept(self.person(who), one), entitled=is_theirs)

    @rule(who=WHO, to=WHO, of=OF, kind=KIND)
    def change(self, who: int, to: int, of: int, kind: str) -> None:
        other = self.place(to, of)
        if other is not None:
            act = lambda: companies.change_access_type(self.person(who), other, access_type=kind)  # noqa: E731
            self.step(act, entitled=self.manages(who, of) and kind != access.HEAD)

    @rule(who=WHO, to=WHO, of=OF)
    def remove(self, who: int, to: int, of: int) -> None:
        other = self.place(to, of)
        if other is not None:
            self.step(lambda: companies.remove(self.person(who), other), entitled=False)

    @rule(who=WHO, of=OF)
    def leave(self, who: int, of: int) -> None:
        self.step(lambda: companies.leave(self.person(who), self.company(of)), entitled=False)

    @rule(who=WHO, number=st.integers(0, 5))
    def revoke(self, who: int, number: int) -> None:
        waiting = list(Invitation.select().order_by(Invitation.id.desc()).limit(6))
        if number < len(waiting):
            self.step(lambda: invitations.revoke(self.person(who), waiting[number]), entitled=False)

    # ---- by staff, by the register, by the billing system

    @rule(to=WHO, of=OF, kind=KIND)
    def fix(self, to: int, of: int, kind: str) -> None:
        other = self.place(to, of)
        if other is not None:
            act = lambda: companies.fix_access_type(other, access_type=kind, reason="Asked", by=self.agent)  # noqa: E731
            self.step(act, entitled=kind != access.HEAD)

    @rule(to=WHO, of=OF)
    def remove_by_staff(self, to: int, of: int) -> None:
        other = self.place(to, of)
        if other is not None:
            self.step(lambda: companies.remove_by_staff(other, reason="Asked", by=self.agent), entitled=False)

    @rule(of=OF, names=st.lists(WHO, unique=True, max_size=2))
    def register_says(self, of: int, names: list[int]) -> None:
        company = self.company(of)
        said = Said(str(company.code), company.name, tuple(Named(number) for number in names))
        self.step(lambda: heads.take(company, said, source="broker", day=clock.today()), entitled=True)

    @rule(which=WHICH, of=st.integers(0, 3))
    def contract_moves(self, which: int, of: int) -> None:
        contract = list(Contract.select().order_by(Contract.id))[which]
        if of == 3:
            self.step(lambda: companies.take_from_company(contract, reason="Moved", by=self.agent), entitled=False)
        else:
            self.step(lambda: companies.set_company(contract, company=self.company(of), reason="Moved", by=self.agent), entitled=False)

    @rule(of=OF, under=OF)
    def company_moves(self, of: int, under: int) -> None:
        child = self.company(of)
        if child.belongs_to_id:
            self.step(lambda: companies.set_free(child, reason="Sold", by=self.agent), entitled=False)
        else:
            self.step(lambda: companies.put_under(child, parent=self.company(under), reason="Bought", by=self.agent), entitled=False)

    # ---- what holds after every step

    @invariant()
    def heads_of_the_register_are_the_heads(self) -> None:
        known = {row.code_digest: row.account_id for row in Identity.select()}
        named = {(known[row.code_digest], row.company_id) for row in Head.select().where(Head.ended_at.is_null())}
        assert {key for key, kind in self.kinds().items() if kind == access.HEAD} == named

    @invariant()
    def accesses_are_what_companies_and_people_say(self) -> None:
        in_step(is_by_register=True)
        direct = Membership.select().where(Membership.through.is_null() & Membership.until_at.is_null())
        assert not direct.exists(), "nobody has anything here but by a company"


@pytest.fixture
def north(db: Any) -> Organisation:
    made = factories.organisation("north")
    Companies.north = made
    for number in range(PEOPLE):
        account = factories.account(made, f"zmogus{number}@uosis.example")
        identities.confirm(account, identities.Proven("smart_id", "PNO", CODES[number], "LT", first_name="Vardas", last_name="Pavardė"))
    for name in ("UAB Uosis", "UAB Beržas", "UAB Uosiukas"):
        factories.company(made, name)
    for number in range(CONTRACTS):
        factories.contract(made, f"VA {number}")
    factories.staff(made)
    return made


def test_whatever_is_done_to_a_companys_people_the_promises_hold(north: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    """IB-16, IB-22..34, IB-43, IB-44, IB-47, IB-58, T06, T08, T11: heads of the register are the heads, nobody rises without somebody
    entitled, nobody removes a head, and everyone has exactly the contracts of the companies they represent."""
    monkeypatch.setattr(invitations, "TO_ONE_PER_DAY", 10**6)
    monkeypatch.setattr(invitations, "PER_DAY", 10**6)
    how = settings(
        max_examples=WALKS, stateful_step_count=STEPS, deadline=None, derandomize=not FULL, database=None, print_blob=True,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    run_state_machine_as_test(Companies, settings=how)
