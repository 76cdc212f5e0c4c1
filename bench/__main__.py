"""`python -m bench`: everything that is measured here, each as a ratio to a peer in the same run, and one table of all goals at the end.

BENCH= names what is measured (lists,home), BENCH_ON= on which database. Exit code 1: a goal was missed.
"""

import os
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.goals import Figure, measure, table

ENGINES = ("sqlite", "postgresql")
# What is measured, on each database where there is a choice; each in a process of its own, which ends with all it holds.
MEASURED = {"start": False, "plans": True, "home": True, "reading": True, "locked": False, "import_bills": True, "lists": True}


def main() -> int:
    """Measure what is asked for and print the table; 1 where a goal was missed or a measurement broke off."""
    names = os.environ.get("BENCH", ",".join(MEASURED)).split(",")
    engines = os.environ.get("BENCH_ON", ",".join(ENGINES)).split(",")
    if not (set(names) <= set(MEASURED) and set(engines) <= set(ENGINES)):
        print(f"BENCH= takes {', '.join(MEASURED)}; BENCH_ON= takes {', '.join(ENGINES)}.", file=sys.stderr)
        return 2
    figures: list[Figure] = []
    is_whole = True
    for name in names:
        for engine in [(one,) for one in engines] if MEASURED[name] else [()]:
            print(f"\n{name} {' '.join(engine)}", flush=True)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                try:
                    measured = pool.submit(measure, name, *engine).result()
                except Exception:
                    traceback.print_exc()
                    is_whole = False
                    continue
            print(*measured, sep="\n", flush=True)
            figures += measured
    print(f"\nThe goals of performance\n{table(figures)}")
    return 0 if is_whole and all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
