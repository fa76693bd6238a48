"""`python tests/chaos/clock.py`: the operator, with a wall clock that can be set wrong.

All of the operator's wall time comes from `assent.app.utc_now`; it is replaced by one that adds the
seconds in the file `$CHAOS_CLOCK`. The monotonic clock goes on as it is: a step of the wall clock
does not touch it on a real machine either. (libfaketime is no package of ours, and the kernel's
time namespaces have no wall clock.)
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from assent import app

FILE = "CHAOS_CLOCK"


def skewed(path: Path) -> datetime:
    """The present instant by a clock that is wrong by what the file says."""
    try:
        seconds = float(path.read_text())
    except (FileNotFoundError, ValueError):  # being written
        seconds = 0.0
    return datetime.now(UTC) + timedelta(seconds=seconds)


def main() -> int:
    """The operator's exit code."""
    path = Path(os.environ.pop(FILE))
    app.utc_now = lambda: skewed(path)
    return app.main() or 0


if __name__ == "__main__":
    sys.exit(main())
