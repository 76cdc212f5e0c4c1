"""An extract of the register as XML: what the broker answers with, and what people fetch there as a file.

The names are the broker's own. Of everything in an extract only who heads the company is read: facts (FAKTAI) of the kinds that mean
"head" in the register's classifier, who holds them (FAKTU_NAUDOTOJAI, OBJEKTU_ASMENYS), and who those are (FIZINIAI_ASMENYS).
"""

import re
from collections.abc import Collection, Iterator
from datetime import date
from typing import Any

from stdnum.lt import asmens

from integrations import xml
from integrations.register.entries import Entry, Head


class Unreadable(Exception):
    """It is not an extract, or a part of one. The message is for the log, without personal data."""


def entries(content: bytes, head_types: Collection[str]) -> list[Entry]:
    """What an extract says of each company in it. `head_types`: which facts make a head, as FAKT_TIPAS or FAKT_TIPAS/FAKP_POTIPIS.
    Raises Unreadable, for all of it, where any part that matters is missing or malformed: half an answer could end somebody's access."""
    if not head_types:
        raise Unreadable("the configuration does not say which facts make a head")  # else every head would seem to be none
    try:
        root = xml.parse(content)
    except xml.Refused as no:
        raise Unreadable(f"not XML that we read: {no.reason}") from no
    objects = [root] if root.tag == "OBJEKTAI" else list(root.iterchildren("OBJEKTAI"))
    if root.tag not in ("JAR", "OBJEKTAI") or not objects:
        raise Unreadable("no OBJEKTAI")
    people = {one.get("FIZ_ID", ""): one for one in root.iter("FIZINIAI_ASMENYS")}
    return [_entry(one, people, head_types) for one in objects]


def _entry(company: Any, people: dict[str, Any], head_types: Collection[str]) -> Entry:
    code = company.get("OBJ_KODAS", "").strip()
    if not re.fullmatch(r"\d{6,12}", code):
        raise Unreadable("no OBJ_KODAS")
    holders = {one.get("OBA_ID", ""): one for one in company.iterchildren("OBJEKTU_ASMENYS")}
    return Entry(code, " ".join(company.get("OBJ_PAV", "").split()), tuple(_heads(company, holders, people, head_types)))


def _heads(company: Any, holders: dict[str, Any], people: dict[str, Any], head_types: Collection[str]) -> Iterator[Head]:
    """Each holder of each fact that makes a head; without a code one who cannot be recognised."""
    for fact in company.iterchildren("FAKTAI"):
        kind = fact.get("FAKT_TIPAS", "")
        # Who acts by a procuration does not head the company, whatever the kind.
        if fact.get("PROKUROS_NR", "").strip() or not {kind, f"{kind}/{fact.get('FAKP_POTIPIS', '')}"} & set(head_types):
            continue
        users = list(fact.iterchildren("FAKTU_NAUDOTOJAI"))
        until_on, is_void = _day(fact, "FAK_PABAIGOS_DATA"), _is_set(fact, "FAK_ANUL")
        if not users and not is_void and until_on is None:
            raise Unreadable("a head without a holder")
        for user in users:
            holder = holders.get(user.get("OBA_ID", ""))
            if holder is None:
                raise Unreadable("a holder that is not there")
            since_on = _day(user, "FNA_PRADZIOS_DATA") or _day(user, "FNA_DATA_NUO") or _day(fact, "FAK_PRADZIOS_DATA")
            ends = [day for day in (until_on, _day(user, "FNA_PABAIGOS_DATA"), _day(user, "FNA_DATA_IKI")) if day]
            yield _head(holder, people, since_on, min(ends, default=None), is_void)


def _head(holder: Any, people: dict[str, Any], since_on: date | None, until_on: date | None, is_void: bool) -> Head:
    number, unknown = holder.get("FIZ_ID", "").strip(), Head("", "", "", "", since_on, until_on, is_void)
    if not number:
        if any(holder.get(name, "").strip() for name in ("OBJ_ID_ASM", "NJA_ID", "STE_ID", "NEID_FIZ_ID")):
            return unknown  # a company, or somebody whom the register itself has not identified
        raise Unreadable("a holder who is nobody")
    person = people.get(number)
    if person is None:
        raise Unreadable("a person who is not there")
    code = "".join(person.get("FIZ_KODAS", "").split())
    if not asmens.is_valid(code):
        return unknown
    died_on = _day(person, "FIZ_MIRTIES_DATA")
    return Head(
        code=code,
        first_name=_name(person, "FAV_VARDAS"),
        last_name=_name(person, "FAV_PAVARDE"),
        since_on=since_on,
        until_on=until_on,
        is_void=is_void or _is_set(person, "FIZ_ANUL") or died_on is not None,
    )


def _name(person: Any, attribute: str) -> str:
    """A name as people write it: the register writes some in capitals throughout."""
    name = " ".join(person.get(attribute, "").split())[:100]
    return name.title() if name.isupper() else name


def _day(element: Any, attribute: str) -> date | None:
    text = element.get(attribute, "").strip()
    try:
        return date.fromisoformat(text[:10]) if text else None
    except ValueError:
        raise Unreadable(f"{attribute} is no day") from None


def _is_set(element: Any, attribute: str) -> bool:
    return element.get(attribute, "").strip() not in ("", "0")
