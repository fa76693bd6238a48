"""Everything in this folder is marked `contract`, so that `make contract` finds it."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nobody has to remember the mark; `smoke` is given by hand."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker("contract")
