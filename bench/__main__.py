"""`python -m bench`: everything that is measured here, each as a ratio to a peer in the same run, and one table of all goals at the end.

BENCH= names what is measured (lists,home), BENCH_ON= on which database. Exit code 1: a goal was missed.
"""

import os
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from bench import data
from bench.goals import Figure, measure, table

ENGINES = ("sqlite", "postgresql")
# What is measured, on which databases where there is a choice; each in a process of its own, which ends with all it holds.
ALONE = {"start": (), "plans": ENGINES, "import_bills": ENGINES}
# What is measured in databases that are filled once for all of them; the lists first, before anyone has written there.
FILLED = {"lists": ENGINES, "home": ENGINES, "reading": ENGINES, "locked": ("sqlite",)}


def main() -> int:
    """Measure what is asked for and print the table; 1 where a goal was missed or a measurement broke off."""
    names = os.environ.get("BENCH", ",".join(ALONE | FILLED)).split(",")
    engines = os.environ.get("BENCH_ON", ",".join(ENGINES)).split(",")
    if not (set(names) <= set(ALONE | FILLED) and set(engines) <= set(ENGINES)):
        print(f"BENCH= takes {', '.join(ALONE | FILLED)}; BENCH_ON= takes {', '.join(ENGINES)}.", file=sys.stderr)
        return 2
    measured = list(_measured(names, engines))
    figures = [figure for found in measured for figure in found or ()]
    print(f"\nThe goals of performance\n{table(figures)}")
    return 0 if None not in measured and all(figure.is_met for figure in figures) else 1


def _measured(names: list[str], engines: list[str]) -> Iterator[list[Figure] | None]:
    """The figures of each measurement; None of one that broke off."""
    for name in (name for name in ALONE if name in names):
        for where in [(engine,) for engine in ALONE[name] if engine in engines] if ALONE[name] else [()]:
            yield _measure(name, *where)
    for engine in engines:
        asked = [name for name in FILLED if name in names and engine in FILLED[name]]
        if asked:
            with data.filled(engine) as urls:
                yield from [_measure(name, engine, urls) for name in asked]


def _measure(name: str, *where: Any) -> list[Figure] | None:
    print(f"\n{name} {' '.join(where[:1])}", flush=True)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            measured = pool.submit(measure, name, *where).result()
        except Exception:
            traceback.print_exc()
            return None
    print(*measured, sep="\n", flush=True)
    return measured


if __name__ == "__main__":
    sys.exit(main())
