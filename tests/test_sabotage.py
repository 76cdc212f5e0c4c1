"""Tests have teeth (G22): the list of guards names what stands in the sources, and one of them is taken out here."""

import random

import pytest

from config import ROOT
from tests import sabotage

# The quick ones: their tests turn red within seconds.
QUICK = [guard for guard in sabotage.GUARDS if guard.file in ("web.py", "rules/confirmations.py")]


@pytest.mark.parametrize("guard", sabotage.GUARDS, ids=lambda guard: guard.what.replace(" ", "-"))
def test_each_guard_stands_where_the_list_says(guard: sabotage.Guard) -> None:
    assert guard.text in (ROOT / guard.file).read_text()


def test_a_guard_that_is_taken_out_is_missed() -> None:
    """G22"""
    guard = random.choice(QUICK)
    assert sabotage.caught(guard), guard.what
