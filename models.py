# ruff: noqa: F401 - what is imported here is imported from here
"""Every table, as rules and pages know it. They stand in `tables/`, each area in a file of its own: `core.py` has what all others
build upon, `fields.py` what tables are made of. A new one stands in the file of its area, and here.

A table is its fields, its constraints and a few questions about one row. What may happen to it stands in `rules/`, how it is
written in `formats.py`. Every tenant row carries its organisation; `within(viewer)` is the only way a page may start a query.
"""

from tables.backoffice import EXPORT_KINDS, EXPORT_STATES, Export, ExportedAccount, Presence, SavedView
from tables.billing import INVOICE_KINDS, Invoice, InvoiceLine, InvoiceVat
from tables.companies import HEAD_SOURCES, INVITATION_ENDS, Head, Invitation
from tables.core import (
    ENDED_BY,
    LANGUAGES,
    NOTHING,
    PERSON_TYPES,
    ROLES,
    AccessType,
    Account,
    Building,
    Company,
    Contract,
    Membership,
    Organisation,
    Owned,
    Premises,
    Provider,
    Representative,
    Staff,
    StaffBuilding,
    SyncRun,
    Table,
    is_of_an_earlier_customer,
    payer_code_key,
)
from tables.fields import N_, FactsField, UTCDateTimeField, canonical, database, digest, fold, now, open_database, sort_key
from tables.fixing import EMAIL_CHANGE_STATES, PROOFS, VISIT_ALLOWED, VISIT_ENDS, EmailChange, Visit
from tables.joining import PAYING_ENDED_BY, Consent, ConsentText, FailedTry, Share, ThirdPartyPayer
from tables.machinery import MESSAGE_STATES, Event, FormKey, JobRun, Message, Seal, Setting, SyncProblem, Worker
from tables.metering import MOST_DIGITS, ROUNDINGS, SOURCES, Meter, MeterKind, MeterName, Reading
from tables.signing_in import (
    FLOW_PURPOSES,
    IDENTITY_ENDS,
    IDENTITY_LEVELS,
    PURPOSES,
    Confirmation,
    Counter,
    Device,
    Identity,
    IdentityFlow,
    Lockout,
    Session,
)

# In reading order.
TABLES: list[type[Table]] = [
    Organisation, Provider, Setting, Account, Staff, SavedView, Presence, Visit, Session, Device, Lockout, Counter, Confirmation,
    Identity, IdentityFlow, EmailChange, ConsentText, Consent,
    Building, StaffBuilding, Premises, SyncRun, SyncProblem, Company, Contract, AccessType, Representative, Invitation, Head,
    Membership, Share, ThirdPartyPayer, FailedTry,
    MeterKind, Meter, Reading, MeterName, Invoice, InvoiceLine, InvoiceVat,
    Seal, Event, Message, Export, ExportedAccount, FormKey, JobRun, Worker,
]  # fmt: skip
