"""A `go` command that answers as ordered, and the toolchain's command line run on it.

Compiling is the outside edge here: everything else, locks and processes too, is the real thing.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[4]
DEADLINE_SECONDS = 30

# `go build … -o OUTPUT PACKAGE`: counts the call, waits while there is a gate, then writes a
# binary that says the version it was told to say.
_SCRIPT = """#!/bin/sh
here=$(dirname "$0")
case $1 in
version) echo "$(cat "$here/version")"; exit 0 ;;
build) ;;
*) echo "unexpected: $*" >&2; exit 2 ;;
esac
while [ "$1" != -o ]; do shift; done
echo building "$3"
echo "$3" >>"$here/builds"
if [ -e "$here/gate" ]; then
    : >"$2"
    sleep 600 &
    echo "$$ $!" >"$here/processes"
    while [ -e "$here/gate" ]; do sleep 0.05; done
    kill $!
fi
if [ -e "$here/broken" ]; then
    for line in $(seq 1 40); do echo "compile error $line"; done
    exit 1
fi
printf '#!/bin/sh\\ncat <<EOF\\n%s\\nEOF\\n' "$(cat "$here/says")" >"$2"
chmod +x "$2"
"""


def write_go(folder: Path, says: str) -> Path:
    """A `go` in `folder` whose `go version` prints `says`; the path of the command."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "version").write_text(says + "\n")
    command = folder / "go"
    command.write_text(_SCRIPT)
    command.chmod(0o755)
    return command


@dataclass
class FakeGo:
    """A fake Go, first on the PATH of every toolchain command that it starts."""

    folder: Path
    cache_home: Path

    def __post_init__(self) -> None:
        write_go(self.folder, "go version go1.26.8 linux/amd64")
        self.binaries_say("etcd Version: 3.6.9")

    def binaries_say(self, text: str) -> None:
        """What the binaries built from now on print."""
        (self.folder / "says").write_text(text)

    def close_gate(self) -> None:
        """Builds started from now on wait, half-made, until the gate opens."""
        (self.folder / "gate").touch()

    def open_gate(self) -> None:
        """Waiting builds go on, new ones do not wait."""
        (self.folder / "gate").unlink(missing_ok=True)

    def break_builds(self) -> None:
        """Builds from now on print forty lines and fail."""
        (self.folder / "broken").touch()

    def mend_builds(self) -> None:
        """Builds work again."""
        (self.folder / "broken").unlink()

    @property
    def builds(self) -> list[str]:
        """The packages built so far, one entry for each `go build`."""
        path = self.folder / "builds"
        return path.read_text().split() if path.exists() else []

    def building_processes(self) -> list[int]:
        """The process ids of the build that waits at the gate and of its child."""
        path = self.folder / "processes"
        wait_until(lambda: path.exists() and len(path.read_text().split()) == 2)
        return [int(word) for word in path.read_text().split()]

    def start(self, *names: str) -> subprocess.Popen[str]:
        """`python -m sandbox.toolchain NAMES`, running."""
        env = {
            **os.environ,
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(self.cache_home),
        }
        return subprocess.Popen(
            [sys.executable, "-m", "sandbox.toolchain", *names],
            cwd=CHECKOUT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *names: str) -> tuple[int, str, str]:
        """The exit code, output and error output of `python -m sandbox.toolchain NAMES`."""
        return finish(self.start(*names))

    def files(self) -> list[str]:
        """The names of all files under `bin/` of the cache."""
        found = (self.cache_home / "assent/bin").rglob("*")
        return sorted(path.name for path in found if path.is_file())


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """The exit code, output and error output of `process`, when it has ended."""
    out, err = process.communicate(timeout=DEADLINE_SECONDS)
    return process.returncode, out, err


def wait_until(fact: Callable[[], bool]) -> None:
    """Returns as soon as `fact` holds; fails the test if it never does."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def alive(process_id: int) -> bool:
    """Whether the process runs; one that ended and was not reaped by its parent does not."""
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
