"""What waits in the outbox, as tests look at it."""

from urllib.parse import urlsplit

from models import Message


def sent() -> list[tuple[str, str]]:
    """Every letter's kind and address, in the order in which they were written."""
    return [(m.kind, m.to) for m in Message.select().order_by(Message.id)]


def fact(kind: str, name: str) -> str:
    """One fact of the newest letter of a kind."""
    newest = Message.select().where(Message.kind == kind).order_by(Message.id.desc()).get()
    return str(newest.facts[name])


def secret(kind: str, name: str = "url") -> str:
    """What the link of the newest letter of a kind ends with."""
    return fact(kind, name).rpartition("/")[2]


def path(kind: str, name: str = "url") -> str:
    """Where the link of the newest letter of a kind leads, as a browser on this install opens it."""
    return urlsplit(fact(kind, name)).path
