"""The shipped operator, armed: started as ``python tests/crash/armed.py``, by tests only.

The hook is put where the points are named before anything of the operator is imported that passes
one; from there on it is the operator's own ``main``. Two of its times are shorter, in the same
order as in production, so that a crash costs seconds: what a call to PD may take, here, and the
Lease, by its settings.
"""

import os
import sys
from pathlib import Path

if __name__ == "__main__":
    checkout = Path(__file__).resolve().parents[2]
    sys.path[:1] = [str(checkout / "operator"), str(checkout)]  # this one's, whatever is installed

    from assent.observability import crash_points
    from tests.crash.hook import Hook
    from tests.crash.orders import FOLDER, Post

    hook = Hook(Post(Path(os.environ[FOLDER])))
    bound = [
        name
        for name, module in sys.modules.items()
        if name.startswith("assent.") and module is not crash_points and hasattr(module, "reached")
    ]
    if bound:
        sys.exit(f"too late to arm: {bound}")
    crash_points.reached = hook.reached
    crash_points.storing = hook.storing
    crash_points.stored = hook.stored

    from assent.controllers import pd
    from assent.pd.wire import Timeouts

    pd.PD_TIMEOUTS = Timeouts(
        connect_seconds=0.8, read_seconds=1.2, write_seconds=0.3, pool_seconds=0.2
    )

    from assent.app import main

    sys.exit(main())
