"""A leading operator between a fake API server and a fake PD."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.execution.rig import Rig, rig


@pytest.fixture
async def op(tmp_path: Path) -> AsyncIterator[Rig]:
    """The operator."""
    async with rig(tmp_path) as made:
        yield made
