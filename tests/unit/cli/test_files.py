"""The plugins as single files: what the shell does first, and what is said on bad days."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assent.cli.failures import Exit
from hack.plugins import build
from tests.unit.cli.desk import recorded

NAME = "fill-store-2"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The plugins, with a kubectl beside them that answers a list or waits for ever."""
    folder = tmp_path_factory.mktemp("built")
    build(folder)
    (folder / "python3").symlink_to(os.path.realpath(sys.executable))
    listed = json.dumps({"kind": "ActionProposalList", "items": [recorded("pending-high")]})
    (folder / "list.json").write_text(listed)
    program = folder / "kubectl"
    program.write_text(
        "#!/bin/sh\n"
        "shelf=${0%/*}\n"
        'echo "$@" >> $shelf/calls\n'
        "[ -e $shelf/hang ] && exec /bin/sleep 60\n"
        '[ -e $shelf/fail ] && { echo "Error from server (Forbidden): no" >&2; exit 1; }\n'
        "exec /bin/cat $shelf/list.json\n"
    )
    program.chmod(0o755)
    return folder


@pytest.fixture
def shelf(built: Path, tmp_path: Path) -> Path:
    """The same for one test: a kubectl that another test left behind is heard of there."""
    folder = tmp_path / "shelf"
    folder.mkdir()
    for file in built.iterdir():
        (folder / file.name).symlink_to(file)
    return folder


def plugin(shelf: Path, *words: str, name: str = "kubectl-proposals") -> tuple[int, str, str]:
    """Run it with nothing but a PATH."""
    done = subprocess.run(
        [str(shelf / name), *words], env={"PATH": str(shelf)}, capture_output=True, text=True,
        check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


FORMS = ["-n tikv", "--namespace tikv", "--namespace=tikv", "", "-A", "--ended", "list -n tikv",
         "-n tikv --context=x"]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_the_list_is_asked_for_once(shelf: Path, form: str) -> None:
    """By the shell or by Python, never by both."""
    code, out, err = plugin(shelf, *form.split())
    assert (code, err) == (0, "")
    assert NAME in out
    (call,) = (shelf / "calls").read_text().splitlines()
    assert call.startswith("get ")


NASTY = ["tikv;echo", "$(echo x)", "../x", "a b", "`x`", "TIKV", "x?y", "*"]


@pytest.mark.parametrize("namespace", NASTY)
def test_the_shell_takes_nothing_but_plain_names(shelf: Path, namespace: str) -> None:
    """Anything else is for argparse and kubectl to judge, as one word."""
    plugin(shelf, f"--namespace={namespace}")
    calls = (shelf / "calls").read_text().splitlines()
    assert [call for call in calls if call.startswith("get --raw")] == []
    assert all(f"--namespace={namespace}" in call for call in calls)


def test_what_the_shell_could_not_read_is_told_by_kubectl(shelf: Path) -> None:
    """Asked again by Python, whose ears are open."""
    (shelf / "fail").touch()
    code, out, err = plugin(shelf, "-n", "tikv")
    assert (code, out) == (Exit.REFUSED, "")
    assert "Error from server (Forbidden): no" in err
    assert len((shelf / "calls").read_text().splitlines()) == 2


@pytest.mark.parametrize("words", [("-n", "tikv"), ("show", NAME, "-n", "tikv"), ()])
def test_an_interrupt_is_one_line(shelf: Path, words: tuple[str, ...]) -> None:
    """Ctrl-C reaches the whole group, as from a terminal; no traceback, no kubectl left."""
    (shelf / "hang").touch()
    with subprocess.Popen(
        [str(shelf / "kubectl-proposals"), *words], env={"PATH": str(shelf)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        while not (shelf / "calls").exists():
            assert process.poll() is None
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode in (130, -signal.SIGINT), err
    # On a busy machine it may come while Python itself begins, where nobody can catch it.
    assert (out, "assent/cli" in err) == ("", False), err


@pytest.mark.parametrize(
    "line", ["kubectl-approve x", "kubectl-proposals -n tikv", "kubectl_complete-approve ''"]
)
def test_an_old_python_is_told_what_is_needed(shelf: Path, tmp_path: Path, line: str) -> None:
    """Its own word for our sources would be a syntax error, and a traceback."""
    real = os.path.realpath(sys.executable)
    (tmp_path / "python3").write_text(
        "#!/bin/sh\nshift 2\ncode=$1\nshift\n"
        f'exec {real} -IS -c "import sys\nsys.version_info = (3, 9, 2)\n'
        "sys.version = '3.9.2 (an old one)'\n"
        '$code" "$@"\n'
    )
    (tmp_path / "python3").chmod(0o755)
    name, *words = line.split()
    done = subprocess.run(
        [str(shelf / name), *words], env={"PATH": f"{tmp_path}:{shelf}"}, capture_output=True,
        text=True, check=False, stdin=subprocess.DEVNULL, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "This needs Python 3.11 or later; the python3 in PATH is 3.9.2\n"


def test_a_file_is_a_zip_that_python_runs_too(shelf: Path) -> None:
    """Where there is no /bin/sh, as `python3 kubectl-proposals`."""
    done = subprocess.run(
        [sys.executable, "-I", str(shelf / "kubectl-proposals"), "--help"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "usage: kubectl proposals" in done.stdout


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_what_is_closed_is_nobodys(shelf: Path, closed: str) -> None:
    """Started by something that closes its own, without kubectl between: it ends as always."""
    runs = []
    for line in ("", closed):
        done = subprocess.run(
            ["/bin/sh", "-c", f'"$0" list -n tikv {line}', str(shelf / "kubectl-proposals")],
            env={"PATH": str(shelf)}, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert "Traceback" not in done.stderr
        runs.append(done.returncode)
    assert runs[0] == runs[1]


def test_a_file_may_lie_anywhere(shelf: Path, tmp_path: Path) -> None:
    """In a folder with blanks and quotes, called by a relative name."""
    odd = tmp_path / "my 'plugins' $HOME"
    odd.mkdir()
    (odd / "kubectl-proposals").write_bytes((shelf / "kubectl-proposals").read_bytes())
    (odd / "kubectl-proposals").chmod(0o755)
    done = subprocess.run(
        ["./kubectl-proposals", "-n", "tikv"], cwd=odd, env={"PATH": str(shelf)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert NAME in done.stdout


def test_no_python_is_said_by_the_shell(shelf: Path, tmp_path: Path) -> None:
    """With its name in the message."""
    done = subprocess.run(
        [str(shelf / "kubectl-approve"), "x"], env={"PATH": str(tmp_path)}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 127
    assert "python3" in done.stderr


def test_completion_knows_its_plugin_by_its_file(shelf: Path) -> None:
    """As kubectl calls it."""
    code, out, _ = plugin(shelf, "--conf", name="kubectl_complete-approve")
    assert (code, out.splitlines()[0].partition("\t")[0]) == (0, "--confirm")
