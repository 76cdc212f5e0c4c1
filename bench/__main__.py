"""`python -m bench`: everything that is measured here, each as a ratio to a peer in the same run. Exit code 1: a goal was missed."""

import sys

from bench import home, import_bills, lists, reading, start

# These two first: the others keep this process to one core, and what it starts inherits that.
RUNS = (start.run, import_bills.run, lists.run, home.run, reading.run)

if __name__ == "__main__":
    met = [run() for run in RUNS]
    sys.exit(0 if all(met) else 1)
