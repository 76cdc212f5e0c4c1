"""Which facts of `facts.txt` a test shows, and which none does yet: `make facts`.

A test shows a fact when its docstring names the fact's ID. A run of them may be written short: CV-04..15.
"""

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ID = re.compile(r"\b(IB-|IR-|CV-|AG-|PS-|K|N|M)(\d\d)(?:\.\.(?:\1)?(\d\d))?\b")


def facts() -> dict[str, str]:
    """Every fact by its ID, in the order of the file."""
    lines = (TESTS / "facts.txt").read_text().splitlines()
    return dict(line.split(" ", 1) for line in lines if not line.startswith("#"))


def named_in(text: str) -> Iterator[str]:
    """The IDs that a text names, runs spelt out."""
    for prefix, first, last in ID.findall(text):
        for number in range(int(first), int(last or first) + 1):
            yield f"{prefix}{number:02}"


def shown(source: str) -> dict[str, list[str]]:
    """The names of the tests in one file's source by the ID of each fact they show."""
    found = defaultdict(list)
    module = ast.parse(source)
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            for identity in named_in(ast.get_docstring(node) or ""):
                found[identity].append(node.name)
    return found


def main() -> int:
    """Print both lists; returns 1 where a test names a fact that there is not."""
    known = facts()
    tests: dict[str, list[str]] = defaultdict(list)
    for path in sorted(TESTS.rglob("test_*.py")):
        for identity, names in shown(path.read_text()).items():
            tests[identity] += [f"{path.relative_to(TESTS)}: {name}" for name in names]
    print("Shown")
    for identity, text in known.items():
        if identity in tests:
            print(f"  {identity:6} {text}", *(f"           {test}" for test in tests[identity]), sep="\n")
    print("\nNot yet")
    for identity, text in known.items():
        if identity not in tests:
            print(f"  {identity:6} {text}")
    print(f"\n{len(known.keys() & tests.keys())} of {len(known)} facts are shown.")
    unknown = sorted(tests.keys() - known.keys())
    for identity in unknown:
        print(f"There is no fact {identity}: {', '.join(tests[identity])}", file=sys.stderr)
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
