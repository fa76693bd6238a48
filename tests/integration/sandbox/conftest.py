"""Each module of this folder keeps to one worker, so that its own sandbox starts once."""

from pathlib import Path

import pytest

HERE = Path(__file__).parent
# These start a sandbox for the module; the others share the worker's.
WITH_A_SANDBOX_OF_THEIR_OWN = ("test_command_line", "test_up")


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist reads the marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests together that share a sandbox of their module (`--dist loadgroup`)."""
    for item in items:
        if item.path.parent == HERE and item.path.stem in WITH_A_SANDBOX_OF_THEIR_OWN:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
