"""The backoffice as a table of contents: what stands in its menu, in this order. A desk is a declaration; labels, help and choices come
from models.py, who may do what from rules/access.py."""

from typing import Any

from backoffice.desks.billing import Invoices
from backoffice.desks.companies import Companies, Invitations, Representatives
from backoffice.desks.contracts import Buildings, Contracts, PremisesDesk, Providers
from backoffice.desks.fixing import EmailChanges, Identities, Visits
from backoffice.desks.heads import Heads
from backoffice.desks.metering import MeterKinds, Meters, Readings
from backoffice.desks.organisation import Organisations, StaffDesk
from backoffice.desks.people import AccessTypes, Accounts, Memberships, Shares, ThirdPartyPayers
from backoffice.desks.running import Events, Exports, Messages, SyncProblems, SyncRuns
from backoffice.rights import RightsPage
from backoffice.settings import SettingsPages
from backoffice.undeclared import UndeclaredPages
from models import N_

MENU: dict[str, tuple[type[Any], ...]] = {
    N_("Customers"): (
        Accounts,
        Companies,
        Representatives,
        Invitations,
        Heads,
        Memberships,
        Shares,
        ThirdPartyPayers,
        Contracts,
        Identities,
        EmailChanges,
        Visits,
    ),
    N_("Buildings"): (Buildings, PremisesDesk, Providers),
    N_("Meters"): (Meters, MeterKinds, Readings, UndeclaredPages),
    N_("Bills"): (Invoices,),
    N_("How things run"): (
        Messages,
        SyncRuns,
        SyncProblems,
        Exports,
        Events,
        StaffDesk,
        RightsPage,
        AccessTypes,
        Organisations,
        SettingsPages,
    ),
}
