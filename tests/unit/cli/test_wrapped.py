"""Other people's kubectl: a script around the real one, a file that is no program."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from assent.cli import ahead
from assent.cli.decision_command import approve
from assent.cli.door import Door
from assent.cli.failures import Exit
from assent.cli.listing import plain_list
from assent.cli.process import TERMINAL, Process
from assent.cli.proposals_command import proposals
from sandbox.waiting import wait_for
from tests.unit.cli.desk import Desk, recorded

WRAPPER = """\
#!/bin/sh
# No exec: the real one is a child, and shares our pipes.
sh -c 'echo $$ > "$FAKE/inner"; echo Starting to serve; exec sleep 600' "$@"
exit $?
"""


def is_running(process: int) -> bool:
    """True while it is; what has ended and nobody has waited for is not."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def ends(process: int) -> bool:
    """True once it has ended; fails the test when it does not."""
    return wait_for(lambda: not is_running(process), timeout_seconds=60, what="its end")


def number_in(file: Path) -> int:
    """The process id that a script writes there."""

    def written() -> str:
        return file.read_text().strip() if file.exists() else ""

    return int(wait_for(written, timeout_seconds=60, what=str(file)))


@pytest.fixture
def wrapper(desk: Desk) -> Path:
    """A kubectl that starts another; gives where that one's id will be."""
    desk.program(WRAPPER)
    return desk.folder / "inner"


def test_a_door_behind_a_script_is_closed_with_what_it_has_started(
    wrapper: Path, desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else kubectl proxy goes on for ever, and closing waits for its stderr: for ever, too."""
    monkeypatch.setenv("TMPDIR", str(desk.folder))
    door = Door(())
    door.start()
    assert door.opens()
    inner = int(wrapper.read_text())
    door.close()
    assert ends(inner)


def test_what_nobody_asked_for_is_left_without_waiting_for_its_children(
    wrapper: Path, desk: Desk
) -> None:
    """A read that was begun too much: it is given up, and its pipes with it."""
    ahead.look(["-A"])
    inner = number_in(wrapper)
    ahead.leave()
    os.kill(inner, signal.SIGKILL)


def test_a_group_of_its_own_is_not_stopped_by_the_terminal(desk: Desk) -> None:
    """A login that wants to ask is refused at once, so that another kubectl may ask."""
    mask = ["-n", "s/^SigBlk:[[:space:]]*//p", "/proc/self/status"]
    alone = Process("sed", mask, given=None, own_group=True)
    out, _, code = alone.finish()
    assert code == 0
    assert int(out, 16) == sum(1 << (number - 1) for number in TERMINAL)
    assert TERMINAL == (signal.SIGTTIN, signal.SIGTTOU)


@pytest.mark.parametrize(
    ("mode", "content", "why"),
    [
        (0o644, "#!/bin/sh\n", "Permission denied"),
        (0o755, "\x7fELF no program", "Exec format error"),
    ],
)
@pytest.mark.parametrize(
    ("command", "line"),
    [
        (approve, ["x"]),
        (plain_list, []),
        (proposals, ["show", "x"]),
        (proposals, ["halt", "--reason", "it moves"]),
    ],
)
def test_a_kubectl_that_cannot_be_run_is_one_sentence(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, command: object, line: list[str],
    mode: int, content: str, why: str,
) -> None:  # fmt: skip
    """Not a traceback; also where it was to be begun ahead."""
    program = desk.program(content)
    program.chmod(mode)
    monkeypatch.setenv("PATH", str(program.parent))
    ahead.look(line)
    done = desk.runs(command, *line)  # type: ignore[arg-type]
    assert done.code == Exit.REFUSED
    assert done.err == f"kubectl cannot be started: {why}.\n"


def test_a_line_that_is_too_long_for_the_system_is_one_sentence(desk: Desk) -> None:
    """A comment of megabytes is no reason for a traceback; nothing was sent."""
    desk.program("#!/bin/sh\n")
    done = desk.runs(proposals, "export", "x" * 200_000)
    assert (done.code, desk.calls("get")) == (Exit.REFUSED, [])
    assert done.err == "kubectl cannot be started: Argument list too long.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_ends_the_watch_of_a_wait(desk: Desk, number: int) -> None:
    """It is in no group of a terminal's: when that is closed nobody but we can tell it."""
    watch = desk.folder / "watch"
    script = (
        '#!/bin/sh\ncase "$*" in\n'
        # More than a pipe takes: what follows is written when the plugin has begun to read.
        f"  *--watch*) printf '%200000s'; echo $$ > {watch}; exec /bin/sleep 600;;\n"
        '  *whoami*) echo \'{"status": {"userInfo": {"username": "alice"}}}\';;\n'
        f"  get*) cat {desk.folder}/one.json;;\nesac\n"
    )
    desk.program(script)
    (desk.folder / "one.json").write_text(json.dumps(recorded("pending-high")))
    line = "import sys; sys.argv[1:] = ['x', '--wait', '-o', 'name']"
    code = f"{line}; from assent.cli import main; sys.exit(main.approve())"
    started = os.posix_spawnp(
        sys.executable, [sys.executable, "-c", code.replace("'x'", "'fill-store-2'")], os.environ,
        file_actions=[(os.POSIX_SPAWN_OPEN, one, os.devnull, os.O_RDWR, 0) for one in (0, 1, 2)],
    )  # fmt: skip
    watching = number_in(watch)
    os.kill(started, number)
    _, status = os.waitpid(started, 0)
    assert os.waitstatus_to_exitcode(status) == 128 + number
    assert ends(watching)
