"""A desk with a kubectl of its own."""

from pathlib import Path

import pytest

from assent.cli import process
from tests.unit.cli.desk import Desk
from tests.unit.cli.quick import Quick


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """Alice's desk; no kubectl is in PATH but one that a test puts there."""
    made = Desk(tmp_path)
    monkeypatch.setenv("FAKE", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")
    monkeypatch.setattr(process, "os", Quick(made))
    return made
