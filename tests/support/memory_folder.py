"""A folder in memory for what is written with fsync and kept for nobody.

A disk that other work keeps busy makes an fsync of PD's etcd take seconds; PD then loses its lease
in the middle of a test that has nothing to do with that.
"""

import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 * 2**30
"""etcd reserves 128 MiB a member; below this the disk is the better place."""
PREFIX = "assent-tests-"


def memory_folder(memory: Path = MEMORY) -> tempfile.TemporaryDirectory[str] | None:
    """Return a new folder in memory, None where there is no such place or no room.

    The caller cleans it up. What processes left there that were killed is removed first.
    """
    with suppress(OSError):
        _sweep(memory)
        if shutil.disk_usage(memory).free >= ROOM_BYTES:
            return tempfile.TemporaryDirectory(
                prefix=f"{PREFIX}{os.getpid()}-", dir=memory, ignore_cleanup_errors=True
            )
    return None


def _sweep(memory: Path) -> None:
    for folder in memory.glob(f"{PREFIX}*"):
        process = folder.name.removeprefix(PREFIX).partition("-")[0]
        if process.isdigit() and not Path(f"/proc/{process}").exists():
            shutil.rmtree(folder, ignore_errors=True)
