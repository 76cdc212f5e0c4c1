"""Which faults are too long for `make test`: those that `make faults` alone brings about."""

import pytest

from tests.faults import FULL


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `full` where the numbers are not full: it is no test that could not run here."""
    left_out = [item for item in items if item.get_closest_marker("full") and not FULL]
    if left_out:
        items[:] = [item for item in items if item not in left_out]
        config.hook.pytest_deselected(items=left_out)
