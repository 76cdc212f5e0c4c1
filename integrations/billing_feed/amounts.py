"""Whether a bill's amounts add up, under the names that EN 16931 gives these rules; both feeds ask here. Amounts are cents."""

from decimal import ROUND_HALF_UP, Decimal

from integrations.billing_feed.records import N_, Trouble

SENTENCES = {
    "BR-CO-10": N_("{file}, invoice {number}: the lines add up to {computed}, but the invoice says {stated}."),
    "BR-CO-11": N_("{file}, invoice {number}: the allowances add up to {computed}, but the invoice says {stated}."),
    "BR-CO-12": N_("{file}, invoice {number}: the charges add up to {computed}, but the invoice says {stated}."),
    "BR-CO-13": N_("{file}, invoice {number}: lines, allowances and charges come to {computed}, but the amount without VAT is {stated}."),
    "BR-CO-14": N_("{file}, invoice {number}: the VAT of all rates adds up to {computed}, but the VAT of the invoice is {stated}."),
    "BR-CO-15": N_("{file}, invoice {number}: the amount without VAT and the VAT add up to {computed}, but the total is {stated}."),
    "BR-CO-16": N_("{file}, invoice {number}: the total less what is prepaid comes to {computed}, but the amount to pay is {stated}."),
    "BR-CO-17": N_("{file}, invoice {number}: VAT at {rate} % comes to {computed}, but the invoice says {stated}."),
    "PEPPOL-EN16931-R120": N_(
        "{file}, invoice {number}, line {line}: quantity and price come to {computed}, but the amount of the line is {stated}."
    ),
}
# The same two sentences for every VAT category: BR-S-08, BR-E-08, ... and BR-S-09, BR-E-09, ...
TAXABLE = N_("{file}, invoice {number}: what is taxed as {category} adds up to {computed}, but VAT is counted from {stated}.")
TAX = N_("{file}, invoice {number}: VAT of category {category} must be {computed}, but the invoice says {stated}.")


def agree(rule: str, stated: int, computed: int, within: int = 0, **facts: str | int) -> None:
    """Raises Trouble under the rule's name unless the two amounts are the same, or differ by no more than `within` cents."""
    if abs(stated - computed) > within:
        sentence = SENTENCES.get(rule) or (TAXABLE if rule.endswith("-08") else TAX)
        raise Trouble(rule, sentence, stated=written(stated), computed=written(computed), **facts)


def rounded(value: Decimal, decimals: int) -> int:
    """A decimal as an integer of so many decimals, halves away from zero."""
    return int(value.scaleb(decimals).to_integral_value(ROUND_HALF_UP))


def written(cents: int) -> str:
    """Cents as a message writes them: 1657.25."""
    sign, cents = ("-" if cents < 0 else ""), abs(cents)
    return f"{sign}{cents // 100}.{cents % 100:02}"
