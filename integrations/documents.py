"""The document of a bill: the provider's own where its feed brought one, else ours. Both sites hand out the same."""

import logging
from collections.abc import Callable

from integrations import files, pdf

log = logging.getLogger(__name__)


def of_bill(store: files.Store, digest: str, facts: Callable[[], pdf.Bill], language: str, gettext: Callable[[str], str]) -> bytes:
    """The PDF. `digest` names the provider's own, "" where there is none; `facts` are asked for only to make ours. Ours is made each
    time: it takes ten milliseconds, and the same bill gives the same file (IB-68)."""
    if digest:
        try:
            return store.read(digest)
        except (OSError, files.Damaged):
            # The customer gets a bill; what was lost is for the operator to bring back.
            log.exception("the document %s cannot be read", digest)
    return pdf.bill(facts(), language, gettext)
