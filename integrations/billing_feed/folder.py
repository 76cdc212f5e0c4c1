"""Which delivered files a feed reads."""

import os
from collections.abc import Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from integrations.billing_feed.records import clipped

VILNIUS = ZoneInfo("Europe/Vilnius")


def files(folder: Path, suffix: str, since: date | None, paths: Sequence[Path] | None) -> Iterator[Path]:
    """The files named in `paths` (a folder stands for all its files); without `paths` those of `folder` changed since that day.

    In order of their names. Hidden files are not read, so a delivery may be written as `.name` and renamed when it is whole;
    neither are symbolic links, which would let whoever delivers read other files of this host. No such folder: no files.
    """
    if paths is None:
        earliest = 0.0 if since is None else datetime.combine(since, time.min, VILNIUS).timestamp()
        yield from _delivered(folder, suffix, earliest)
        return
    for path in paths:
        if path.is_dir():
            yield from _delivered(path, suffix, 0.0)
        else:
            yield path


def name_of(path: Path) -> str:
    """A file's name as reasons and references write it, whatever bytes it is made of."""
    return clipped(os.fsencode(path.name).decode("utf-8", "replace"), 120)


def _delivered(folder: Path, suffix: str, earliest: float) -> Iterator[Path]:
    names = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or not entry.name.lower().endswith(suffix) or not entry.is_file(follow_symlinks=False):
                    continue
                if entry.stat(follow_symlinks=False).st_mtime >= earliest:
                    names.append(entry.name)
    except FileNotFoundError:
        return
    for name in sorted(names):
        yield folder / name
