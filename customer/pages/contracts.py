"""The contracts of an account: adding one by what the bill shows, letting one go, and those that have ended (CV-17..21, CV-40)."""

import uuid
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask_babel import gettext as _

import web
from customer import forms, turning, words
from customer.pages.shares import notice
from models import Contract, Provider
from rules import access, billing, clock, contracts, holding, proof, readings, settings, sharing, third_party_payers

pages = Blueprint("contracts", __name__)
pages.app_context_processor(lambda: {"unit": words.unit})
NEWEST_BILLS = 6


@pages.get("/contracts")
def index() -> Any:
    """Those of my contracts that my access lets me see (IB-52), under one total (CV-21); apart, those that have ended."""
    account, today = web.viewer(), clock.today()
    held = contracts.held(account)
    shown = [one for one in held if "contract.view" in one.access_type.deeds]
    owed = billing.owed_by_contract(account)
    rows = [{"contract": one.contract, "access": _word(one.access_type.name), "owed_cents": owed.get(one.contract_id)} for one in shown]
    of: dict[str, list[Any]] = {
        "rows": [row for row in rows if not _is_over(row["contract"])],
        "hidden": [
            (one.contract, "contract.detach" in one.access_type.deeds and one.through_id is None) for one in held if one not in shown
        ],
        "ended": [row for row in rows if _is_over(row["contract"])],
        "given_up": [(one, clock.today(one.since_at), clock.today(one.until_at)) for one in contracts.given_up(account)],
    }
    part, links = turning.part([(name, one) for name, those in of.items() for one in those], "contracts.index")
    return render_template(
        "customer/contracts.html",
        **{name: [one for of_it, one in part if of_it == name] for name in of},
        **links,
        has_none=not (of["rows"] or of["hidden"]),
        has_bills=bool(rows),
        **notice(account),
        owed=billing.owed(account, today),
        may_pay_for_others=third_party_payers.is_on(account.organisation),
    )


@pages.get("/contracts/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One contract with its meters and latest bills."""
    contract, account = web.reach(Contract, public_id, "contract.view"), web.viewer()
    held = next(one for one in contracts.held(account) if one.contract == contract)
    place = next((place for place in readings.places(account) if place.contract == contract), None)
    return render_template(
        "customer/contract.html",
        contract=held.contract,
        access=_word(held.access_type.name),
        owed_cents=billing.owed_by_contract(account).get(contract.id),
        meters=place.rows if place else [],
        bills=billing.newest(account, NEWEST_BILLS, contract=contract),
        shares=sharing.given(contract) if access.allows(account, "contract.share", contract) else [],
        payers=third_party_payers.of(contract) if access.allows(account, "contract.end_payer", contract) else [],
        may_share=sharing.may_share(account, contract),
        may_end=lambda share: sharing.may_end(account, share),
        is_over=_is_over(contract),
        through=held.through.company.name if held.through else "",
        today=clock.today(),
    )


@pages.route("/contracts/<uuid:public_id>/detach", methods=["GET", "POST"])
@web.once
def detach(public_id: uuid.UUID) -> Any:
    """Let a contract go: what happens then, and one button (CV-40)."""
    contract, account = web.reach(Contract, public_id, "contract.detach"), web.viewer()
    form = web.Form()
    if form.validate_on_submit():
        with web.asking(form):
            holding.detach(account, contract)
            web.tell(words.unit("detached"))
            return redirect(url_for("contracts.index"))
    may_view = access.allows(account, "contract.view", contract)
    return render_template(
        "customer/detach_contract.html",
        form=form,
        contract=contract,
        owed_cents=billing.owed_by_contract(account).get(contract.id, 0),
        is_by_staff=settings.of(account.organisation).claim_who == "staff",
        back_url=url_for("contracts.view", public_id=public_id) if may_view else url_for("contracts.index"),
    )


@pages.route("/contracts/add", methods=["GET", "POST"])
@web.once
def attach() -> Any:
    """Add a contract by the payer code, exactly as printed, and what the organisation asks beside it (K04). Where there are several
    providers, first whose bill it is (IR-08, CV-11, CV-19)."""
    account = web.viewer()
    rules, providers = settings.of(account.organisation), proof.providers(account.organisation)
    if rules.claim_who == "staff":
        return render_template("customer/attach_by_staff.html", contact=proof.contact(account.organisation))
    chosen = chosen_provider(providers) if rules.claim_provider else None
    if rules.claim_provider and chosen is None:
        return render_template(
            "customer/choose_provider.html", providers=providers, to="contracts.attach", back_url=url_for("contracts.index")
        )
    form = forms.attach_form(account.organisation, [chosen] if chosen else providers)
    if form.validate_on_submit():
        with web.asking(form):
            added = contracts.attach(
                account,
                provider=chosen,
                payer_code=form.payer_code.data,
                invoice_number=form.invoice_number.data if "invoice_number" in form else None,
                invoice_total_cents=form.invoice_total.data if "invoice_total" in form else None,
                source=web.source(),
            )
            web.tell(words.unit("added"))
            if access.allows(account, "contract.view", added.contract):
                return redirect(url_for("contracts.view", public_id=added.contract.public_id))
            return redirect(url_for("home.index"))
    return render_template(
        "customer/attach_contract.html",
        form=form,
        chosen=chosen,
        may_choose=len(providers) > 1,
        may_pay_for_others=third_party_payers.is_on(account.organisation),
        is_for_another=False,
    )


def chosen_provider(providers: list[Provider]) -> Provider | None:
    """The provider that the address names, or the only one there is."""
    said = request.args.get("provider")
    return providers[0] if len(providers) == 1 else next((one for one in providers if str(one.public_id) == said), None)


def _is_over(contract: Contract) -> bool:
    return contract.ended_on is not None and contract.ended_on <= clock.today()


def _word(access_type: str) -> str:
    """What an access type is called."""
    return _(access.ACCESS_TYPES[access_type][0])
