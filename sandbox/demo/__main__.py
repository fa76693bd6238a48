"""``make demo``: start a sandbox, tell the story, stop everything."""

import os
import sys

import httpx

from sandbox.demo.narrator import Narrator
from sandbox.demo.stage import Stage, StoryError
from sandbox.demo.story import Story
from sandbox.errors import SandboxError
from sandbox.library import Sandbox
from sandbox.report import replace_unprintable
from sandbox.toolchain import ToolchainError

FAILED, INTERRUPTED = 1, 130


def main() -> int:
    """Return 0 when every chapter came out as told, 130 after Ctrl-C, 1 otherwise.

    Whatever comes, nothing of the sandbox runs on.
    """
    replace_unprintable()
    tell = Narrator()
    try:
        tell.chapter("A real control plane starts")
        with Sandbox.start(stores=4, regions=300, pd=1, operators=1, bare=False) as box:
            _tell_story(box, tell)
    except KeyboardInterrupt:
        print("\nInterrupted; everything is stopped.", file=sys.stderr)
        return INTERRUPTED
    except (SandboxError, ToolchainError, StoryError, httpx.HTTPError) as error:
        print(f"\nThe demo failed: {error}", file=sys.stderr)
        return FAILED
    tell.good("everything is stopped, nothing is left behind")
    return 0


def _tell_story(box: Sandbox, tell: Narrator) -> None:
    stage = Stage(box, tell, pause=os.environ.get("DEMO_PAUSE") == "1")
    try:
        Story(stage).run()
    except (SandboxError, StoryError, httpx.HTTPError):
        print(box.tails(15), file=sys.stderr)
        raise


if __name__ == "__main__":
    sys.exit(main())
