"""Which contract a record is about, by its payer code; and a new contract, where none has that."""

from collections import Counter
from collections.abc import Iterable, Sequence

from models import N_, Contract, Provider, payer_code_key
from rules.bulk import among
from rules.sync_run import Aside, Item, Record, Run

UNKNOWN_PAYER = N_("No contract has the payer code {payer_code}. The record is taken in as soon as one has.")
LIKE_ANOTHER = N_("The payer code {payer_code} differs from {known} only in spaces, dashes or capital letters. One of them must be wrong.")
NO_PAYER = N_("The payer code {payer_code} must have a letter or a digit.")
NO_PROVIDER = N_("The organisation has no provider. Add one; the record is then taken in.")
UNKNOWN_PROVIDER = N_("No provider has the name or code {provider}. Correct the provider; the record is then taken in.")
WHICH_PROVIDER = N_("The record must name its provider, because there are several.")


def load(run: Run, items: Sequence[Item]) -> None:
    """The contracts that a block speaks of, and those whose codes could be taken for theirs."""
    codes = {item.record.payer_code for item in items if item.kind != "PutAside"}
    columns = () if any(item.kind == "Contract" for item in items) else ENOUGH
    ours = Contract.select(*columns).where(Contract.provider.in_(run.providers))
    run.contracts = {(row.provider_id, row.payer_code): row for row in ours.where(among(Contract.payer_code, codes))}
    known = Counter(code for _, code in run.contracts)
    keys = {payer_code_key(code) for code in codes if known[code] < len(run.providers)}
    run.alike = {(row.provider_id, row.payer_code_key): row for row in ours.where(among(Contract.payer_code_key, keys))}


# What meters, bills and readings must know of their contract.
ENOUGH = (
    Contract.id, Contract.provider, Contract.payer_code, Contract.payer_code_key, Contract.building, Contract.ended_on,
    Contract.customer_name, Contract.company, Contract.opened_on,
)  # fmt: skip


def _provider(run: Run, it: Record) -> Provider | None:
    """Whose record it is; None where it does not say and there are several. Raises Aside."""
    if not run.providers:
        raise Aside("no-provider", NO_PROVIDER)
    if len(run.providers) == 1:
        return run.providers[0]
    said = [name for name in (it.provider, getattr(it, "provider_name", "")) if name]
    for name in said:
        for provider in run.providers:
            if name in (provider.code, provider.vat_code, provider.name):
                return provider
    if said:
        raise Aside("unknown-provider", UNKNOWN_PROVIDER, provider=said[0])
    return None


def _find(run: Run, it: Record) -> Contract | None:
    """The contract that the record's payer code stands for, byte for byte. Raises Aside."""
    provider = _provider(run, it)
    theirs = [provider] if provider else run.providers
    found = [row for one in theirs if (row := run.contracts.get((one.id, it.payer_code)))]
    if len(found) > 1:
        raise Aside("which-provider", WHICH_PROVIDER)
    return found[0] if found else None


def _open(run: Run, it: Record) -> Contract:
    """A contract to be inserted. Raises Aside where its payer code could be taken for another's (T15)."""
    provider, code, key = _provider(run, it), it.payer_code, payer_code_key(it.payer_code)
    if provider is None:
        raise Aside("which-provider", WHICH_PROVIDER)
    if not key:
        raise Aside("payer-code", NO_PAYER, payer_code=code)
    twin = run.alike.get((provider.id, key))
    if twin is not None:
        raise Aside("like-another", LIKE_ANOTHER, payer_code=code, known=twin.payer_code)
    made = Contract(organisation=run.organisation, provider=provider, payer_code=code, run=run.row)
    made.customer_name, made.address = it.customer_name, it.address
    run.contracts[provider.id, code] = run.alike[provider.id, key] = made
    run.count("created", "contract", provider.id, code, it.customer_name, it.address)
    run.openings += 1
    return made


def with_contracts(run: Run, items: Sequence[Item], *, opens: bool) -> Iterable[tuple[Item, Contract]]:
    """Each record with its contract; with `opens` a new one, not inserted yet, where none has its payer code."""
    for item in items:
        try:
            contract = (_find(run, item.record) or _open(run, item.record)) if opens else known(run, item.record)
            yield item, contract
        except Aside as why:
            run.put_aside(item, why)


def known(run: Run, it: Record) -> Contract:
    """The contract that a record names. Raises Aside."""
    contract = _find(run, it)
    if contract is None:
        raise Aside("unknown-payer", UNKNOWN_PAYER, payer_code=it.payer_code)
    return contract
