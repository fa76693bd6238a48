"""Everything in this folder is marked `contract`, so that `make contract` finds it."""

import os
from pathlib import Path

import pytest

HERE = f"{Path(__file__).parent}{os.sep}"


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Nobody has to remember the mark; `smoke` is given by hand."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker("contract")
