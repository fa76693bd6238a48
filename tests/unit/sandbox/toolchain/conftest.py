"""Fixtures: a cache of the test's own, and a fake Go in front of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.toolchain.cache import Cache
from tests.unit.sandbox.toolchain.fake_go import FakeGo


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")


@pytest.fixture
def fake_go(tmp_path: Path) -> Iterator[FakeGo]:
    fake = FakeGo(folder=tmp_path / "path", cache_home=tmp_path / "xdg")
    yield fake
    fake.open_gate()
