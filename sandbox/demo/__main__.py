"""``make demo``: start a sandbox, tell the story, stop everything."""

import sys

from sandbox.demo.narrator import Narrator
from sandbox.demo.story import Story
from sandbox.library import Sandbox


def main() -> int:
    """Return 0 when every chapter came out as told."""
    tell = Narrator()
    tell.chapter("A real API server, a real PD, four simulated TiKV stores")
    with Sandbox.start(stores=4, regions=300, pd=1, operators=1, bare=False) as box:
        tell.good(f"API server and PD are up; logs are in {box.layout.logs}")
        Story(box, tell).run()
    tell.good("everything is stopped")
    return 0


if __name__ == "__main__":
    sys.exit(main())
