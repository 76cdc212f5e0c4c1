"""What a measurement says: one figure for each goal of performance, with the words to print it."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from statistics import median
from typing import Any


@dataclass(frozen=True)
class Figure:
    """One goal as it was reached. `reached` holds the same ratio by p50 and in the ways that noise touches less; their median is what
    is judged."""

    goal: str  # performance G1...
    what: str
    engine: str
    size: str
    reached: tuple[float, ...]
    wanted: float
    is_least: bool  # whether `wanted` is the least it should be, or the most
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        middle = median(self.reached)
        return middle >= self.wanted if self.is_least else middle <= self.wanted

    def __str__(self) -> str:
        first, rest = f"{self.reached[0]:.2f}", " ".join(f"{other:.2f}" for other in self.reached[1:])
        if self.unit != "x":
            first = f"{self.reached[0]:.{0 if self.reached[0] == int(self.reached[0]) else 1}f}"
        reached = f"{first} {self.unit}{f' ({rest})' if rest else ''}"
        wanted = f"{'≥' if self.is_least else '≤'} {self.wanted:g}"
        return (
            f"{self.goal:<4}{self.what:<52}{self.engine:<11}{self.size:>10}  {reached:<26}{wanted:<7}{'met' if self.is_met else 'MISSED'}"
        )


def table(figures: Sequence[Figure]) -> str:
    """All figures, goal by goal."""
    order = sorted(figures, key=lambda figure: (int(figure.goal.strip("G b")), figure.goal))
    missed = sum(not figure.is_met for figure in figures)
    head = f"{'':<4}{'':<52}{'database':<11}{'size':>10}  {'by p50 (by the quickest, by CPU)':<26} goal"
    return "\n".join([head, *map(str, order), f"{len(figures)} figures, {missed} missed"])


def measure(name: str, *where: Any) -> list[Figure]:
    """What `bench/<name>.py` says, on that engine and of those databases where it has a choice."""
    return list(import_module(f"bench.{name}").run(*where))
