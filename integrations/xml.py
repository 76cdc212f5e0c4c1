"""The one XML parser: every document from outside (bills, statements, register answers) is read through here.

A DOCTYPE is refused where it begins, before any entity in it is declared, let alone read; no file and no network is ever
touched; size, depth and text length are limited by libxml2's own limits (`huge_tree` stays off) and by `MOST_BYTES`.
"""

from itertools import pairwise
from xml.parsers import expat

from lxml import etree

MOST_BYTES = 20_000_000  # a bill with its PDF inside is some hundred kilobytes
# The root element begins within this. Scanned in growing pieces: pyexpat reads a piece to its end after a handler has raised,
# and starts an unfinished tag or comment anew with each piece.
PIECES = (1024, 4096, 16_384, 65_536)


class Refused(Exception):
    """Why a document is not read: `reason` is doctype, size, limit or xml (then `detail` is the parser's sentence)."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(reason, detail)
        self.reason = reason
        self.detail = detail


class _RootReached(Exception):
    """The prolog is over and held no DOCTYPE."""


def parse(content: bytes) -> etree._Element:
    """The root element of a document, without comments and processing instructions. Raises Refused."""
    if len(content) > MOST_BYTES:
        raise Refused("size")
    _refuse_doctype(content)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise Refused("limit" if error.code == etree.ErrorTypes.ERR_RESOURCE_LIMIT else "xml", error.msg or "") from error
    # The two parsers could disagree about an odd encoding: the one whose tree is used has the last word.
    if root.getroottree().docinfo.internalDTD is not None:
        raise Refused("doctype")
    return root


def _refuse_doctype(content: bytes) -> None:
    def doctype(*_: object) -> None:
        raise Refused("doctype")

    def element(*_: object) -> None:
        raise _RootReached

    parser = expat.ParserCreate()
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    try:
        for start, end in pairwise((0, *PIECES)):
            parser.Parse(content[start:end], end >= len(content))
            if end >= len(content):
                break
    except _RootReached:
        return
    # LookupError and ValueError: an encoding that Python does not know, or one of several bytes a character.
    except (expat.ExpatError, LookupError, ValueError) as error:
        raise Refused("xml", str(error)) from error
    raise Refused("xml", "the root element must begin in the first 64 kilobytes")
