"""What the register of legal entities (JAR) says of companies: their names, their legal status, and who heads them (IB-31, IB-54, IB-55).

Three doors give the same plain entries: the broker of the State Enterprise Centre of Registers, files that somebody fetched there, and
the simulator, which speaks the broker's language. What follows from an entry, `rules/heads.py` decides.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from config import Config
from integrations.register.entries import Entry, Head, Unavailable, Unread

__all__ = ["Entry", "Head", "Register", "Unavailable", "Unread", "of"]


class Register(Protocol):
    """Somebody who knows what the register says. `source` is how a head that it names is marked: "broker" or "file"."""

    source: str

    def entries(self, codes: Sequence[str]) -> Iterator[Entry | Unread]:
        """What is known of these companies, one answer each at most; nothing of those that nothing is said of. Raises Unavailable
        where nobody answers at all: then what came before means nothing either."""
        ...


def of(config: Config, slug: str, paths: Sequence[Path] | None = None) -> Register | None:
    """The register that an organisation reads, or exactly the files at `paths`; None where it reads none."""
    settings = config.register_of(slug)
    if paths or (settings and settings.mode == "files"):
        from integrations.register.files import Files

        return Files(config.register_dir / slug, settings.head_types if settings else (), paths)
    if settings is None:
        return None
    from integrations.register.broker import Broker

    return Broker(settings)
