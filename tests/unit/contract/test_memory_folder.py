"""The place in memory for PD's data: used where there is room, and left clean."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import memory_folder as tested
from tests.support.memory_folder import PREFIX, memory_folder


def test_a_folder_is_made_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It carries the process's id, so that a later one can tell what was left behind."""
    monkeypatch.setattr(tested, "ROOM_BYTES", 0)
    made = memory_folder(tmp_path)
    assert made is not None
    (Path(made.name) / "data").mkdir()
    assert Path(made.name).name.startswith(f"{PREFIX}{os.getpid()}-")
    made.cleanup()
    assert list(tmp_path.iterdir()) == []


def test_without_room_the_disk_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A container often has 64 MiB there: less than one member reserves."""
    monkeypatch.setattr(tested, "ROOM_BYTES", 2**80)
    assert memory_folder(tmp_path) is None


def test_without_such_a_place_the_disk_is_used(tmp_path: Path) -> None:
    """Not every system has one."""
    assert memory_folder(tmp_path / "absent") is None


def test_what_a_killed_process_left_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Memory would fill up; what belongs to a running process, or to somebody else, stays."""
    monkeypatch.setattr(tested, "ROOM_BYTES", 2**80)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left, ours, other = (
        tmp_path / name
        for name in (f"{PREFIX}{ended.pid}-x", f"{PREFIX}{os.getpid()}-x", "somebody")
    )
    for folder in (left, ours, other):
        folder.mkdir()
    memory_folder(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, other])
