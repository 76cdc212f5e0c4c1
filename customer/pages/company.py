"""The companies that one represents: their contact information, their people, and what those may do to one another (IB-13..IB-59)."""

import uuid
from typing import Any

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_babel import gettext as _

import web
from customer import forms, represented
from models import Company, Representative
from rules import access, choosing, companies, heads, invitations

pages = Blueprint("companies", __name__)


@pages.get("/companies")
def index() -> Any:
    """Which companies I represent, as what, since when and by whose word; and what I am invited to."""
    account = web.viewer()
    return render_template(
        "customer/companies.html",
        places=companies.held(account),
        invitations=invitations.to(account),
        word=word,
        may_view=lambda place: access.allows(account, "company.view", place.company),
        may_leave=lambda place: access.allows(account, "company.leave", place.company),
    )


@pages.get("/companies/<uuid:public_id>")
def view(public_id: uuid.UUID) -> Any:
    """One company: contact information, people, and invitations that wait (IB-23, IB-51)."""
    company, account = web.reach(Company, public_id, "company.view"), web.viewer()
    mine = companies.place(account, company)
    sees_people = access.allows(account, "representative.view", company)
    grants = companies.grants(mine)
    return render_template(
        "customer/company.html",
        company=company,
        mine=mine,
        people=companies.people(company) if sees_people else [],
        invitations=invitations.waiting(company) if sees_people else [],
        beside=companies.beside(company) if sees_people else [],
        by_former={one.id for one in heads.given_by_former(company)} if grants else set(),
        grants=grants,
        raises=lambda other: next((kind for kind in access.GRANTABLE_IN_A_COMPANY if companies.may_change(mine, other, kind)), ""),
        may_remove=lambda other: companies.may_remove(mine, other),
        may_leave=access.allows(account, "company.leave", company) and companies.may_leave(mine),
        word=word,
        is_head=lambda other: other.access_type.name == access.HEAD,
    )


@pages.route("/companies/<uuid:public_id>/contacts", methods=["GET", "POST"])
@web.once
def change_contacts(public_id: uuid.UUID) -> Any:
    """The company's e-mail, phone and address (IB-23, K11)."""
    company, account = web.reach(Company, public_id, "company.change_contacts"), web.viewer()
    form, back = forms.ContactsForm(obj=company), url_for("companies.view", public_id=public_id)
    if form.validate_on_submit():
        with web.asking(form):
            companies.change_contacts(account, company, email=form.email.data, phone=form.phone.data, address=form.address.data)
            web.tell(_("The contact information of %(company)s is saved.", company=company.name))
            return redirect(back)
    return render_template("customer/company_contacts.html", form=form, company=company, back_url=back)


@pages.route("/companies/<uuid:public_id>/leave", methods=["GET", "POST"])
@web.once
def leave(public_id: uuid.UUID) -> Any:
    """Give up one's own place in a company: what happens then, and one button."""
    company, account = web.reach(Company, public_id, "company.leave"), web.viewer()
    form, back = web.Form(), url_for("companies.index")
    if form.validate_on_submit():
        with web.asking(form):
            companies.leave(account, company)
            web.tell(_("You no longer represent %(company)s.", company=company.name))
            return redirect(back)
    return render_template(
        "customer/company_act.html",
        form=form,
        back_url=back,
        back_to=_("Companies"),
        title_=_("Give up your access to %(company)s?", company=company.name),
        lead=_("Its contracts, bills and meters leave your account at once. To come back you need a new invitation."),
        button=_("Give it up"),
    )


@pages.route("/people/<uuid:public_id>/access-type", methods=["GET", "POST"])
@web.once
def change_access_type(public_id: uuid.UUID) -> Any:
    """Raise a user to an authorised person, or lower somebody where that is allowed: what they may do then, and one button (IB-58)."""
    other, account = web.reach(Representative, public_id, "representative.change"), web.viewer()
    company, back = other.company, url_for("companies.view", public_id=other.company.public_id)
    mine, who = companies.place(account, company), other.account.name or other.account.email
    kind = next((one for one in access.GRANTABLE_IN_A_COMPANY if companies.may_change(mine, other, one)), None)
    form = web.Form()
    if kind is None:
        web.tell(_("The access type of %(who)s cannot be changed here.", who=who), "warning")
        return redirect(back)
    if form.validate_on_submit():
        with web.asking(form):
            companies.change_access_type(account, other, access_type=kind)
            web.tell(_("%(who)s: %(access_type)s now.", who=who, access_type=word(kind)))
            return redirect(back)
    return render_template(
        "customer/company_act.html",
        form=form,
        back_url=back,
        back_to=company.name,
        title_=_("Make %(who)s an authorised person?", who=who) if kind == "authorised_person" else _("Make %(who)s a user?", who=who),
        lead=_(
            "They see all of %(company)s: contracts, contact information and people, and can invite and remove people like you.",
            company=company.name,
        )
        if kind == "authorised_person"
        else _(
            "They see the bills and meters of %(company)s, but no longer its contracts, contact information and people.",
            company=company.name,
        ),
        button=_("Change the access type"),
    )


@pages.route("/people/<uuid:public_id>/remove", methods=["GET", "POST"])
@web.once
def remove(public_id: uuid.UUID) -> Any:
    """Take somebody's place in the company away: what happens then, and one button (IB-22, IB-57)."""
    other, account = web.reach(Representative, public_id, "representative.change"), web.viewer()
    company, back = other.company, url_for("companies.view", public_id=other.company.public_id)
    form, who = web.Form(), other.account.name or other.account.email
    if form.validate_on_submit():
        with web.asking(form):
            companies.remove(account, other)
            web.tell(_("%(who)s no longer represents %(company)s.", who=who, company=company.name))
            return redirect(back)
    return render_template(
        "customer/company_act.html",
        form=form,
        back_url=back,
        back_to=company.name,
        title_=_("Remove %(who)s?", who=who),
        lead=_(
            "The contracts, bills and meters of %(company)s leave their account at once. They are told by e-mail, and invitations "
            "that they sent and nobody has taken yet no longer work.",
            company=company.name,
        ),
        button=_("Remove"),
    )


@pages.route("/companies/<uuid:public_id>/remove-access", methods=["GET", "POST"])
@web.once
def remove_beside(public_id: uuid.UUID) -> Any:
    """End the access of somebody who added one of the company's contracts by its bill (IB-40, IB-57)."""
    company, account = web.reach(Company, public_id, "representative.change"), web.viewer()
    back = url_for("companies.view", public_id=public_id)
    found = next((one for one in companies.beside(company) if str(one.public_id) == request.args.get("access")), None)
    form = web.Form()
    if found is None:
        return redirect(back)
    who, place = found.account.name or found.account.email, found.contract.address or found.contract.payer_code
    if form.validate_on_submit():
        with web.asking(form):
            companies.remove_beside(account, company, found)
            web.tell(_("%(who)s no longer sees %(contract)s.", who=who, contract=place))
            return redirect(back)
    return render_template(
        "customer/company_act.html",
        form=form,
        back_url=back,
        back_to=company.name,
        title_=_("Remove the access of %(who)s?", who=who),
        lead=_("They added %(contract)s by its bill. They see nothing of it from that moment on, and are told by e-mail.", contract=place),
        button=_("Remove"),
    )


def word(access_type: str) -> str:
    """What an access type is called."""
    return _(access.ACCESS_TYPES[access_type][0])


# ---- whose documents --------------------------------------------------------------------------------------------------

chosen = Blueprint("represented", __name__)
chosen.app_context_processor(lambda: {"selector": represented.selector})
LISTS = {"home", "bills", "invoices", "meters", "readings", "contracts", "account", "companies"}


@chosen.post("/represented")
@web.once
def choose() -> Any:
    """Look at the documents of one company or provider from now on (AG-12, AG-13)."""
    account, choice = web.viewer(), choosing.Choice(request.form.get("company", ""), request.form.get("provider", ""))
    if choice not in choosing.options(account).all():
        abort(404)
    represented.choose(account, choice)
    back = web.safe_next(request.form.get("next"), url_for("home.index"))
    is_list = back.removeprefix(f"{request.script_root}/") in LISTS
    return redirect(back if is_list else url_for("home.index"))
