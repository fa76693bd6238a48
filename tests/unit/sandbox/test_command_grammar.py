"""What the command line accepts, and what it says."""

import io
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from sandbox.cli import main, parser
from sandbox.errors import SandboxError
from sandbox.layout import CHECKOUT, Layout
from sandbox.options import Options
from sandbox.report import describe, environment, replace_unprintable, welcome

STATE: dict[str, Any] = {
    "supervisor": 1,
    "options": {"stores": 4, "regions": 300, "bare": False},
    "apiserver": "https://127.0.0.1:1",
    "tikvsim": "http://127.0.0.1:2",
    "pd": [
        {
            "name": "pd-0",
            "direct_url": "http://127.0.0.1:3",
            "proxy_url": "http://127.0.0.1:4",
            "control_url": "http://127.0.0.1:5",
        }
    ],
    "processes": {
        "kube-apiserver": {"state": "running", "pid": 10},
        "pd-0": {"state": "ended (SIGKILL)", "pid": None},
        "pdproxy-0": {"state": "running", "pid": 12},
    },
    "operators": {
        "1": {"state": "frozen", "pid": 13, "pod": "assent-1-abcde", "address": "127.0.0.1:6"}
    },
}
LAYOUT = Layout(Path("/box"))


def test_every_command_of_the_readme_is_accepted() -> None:
    """The README is what people type."""
    for line in (
        "up --stores 3 --regions 100 --pd 3 --operators 2",
        "up --bare",
        "--dir /x down",
        "status",
        "env",
        "logs pd-0 -f",
        "user alice --group sre --group oncall",
        "store heat 2 --off",
        "operator freeze 1",
        "process restart kube-apiserver",
    ):
        assert callable(parser().parse_args(line.split()).run)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("", id="no command"),
        pytest.param("up --pd 2", id="two members have no majority worth having"),
        pytest.param("store burn 1", id="no such fault"),
        pytest.param("store stop one", id="stores have numbers"),
        pytest.param("store stop -1", id="from 1 on"),
        pytest.param("operator start 0", id="operators, too"),
        pytest.param("operator restart 1", id="stop and start are two facts for an operator"),
    ],
)
def test_mistakes_end_with_the_usage(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Argparse's own exit code 2, and what is possible."""
    with pytest.raises(SystemExit) as caught:
        main(line.split())
    assert caught.value.code == 2
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["status", "env", "user alice", "store stop 1", "operator kill 1"])
def test_without_a_sandbox_it_says_how_to_start_one(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The next command to type is in the message."""
    assert main(["--dir", str(tmp_path / "none"), *line.split()]) == 1
    assert "`python -m sandbox up` first" in capsys.readouterr().err


def test_the_environment_has_the_first_members_proxy() -> None:
    """What goes to PD_URL is journaled, what goes to PD_DIRECT_URL is not."""
    told = environment(LAYOUT, STATE)
    assert told["PD_URL"] == "http://127.0.0.1:4"
    assert told["PD_DIRECT_URL"] == "http://127.0.0.1:3"
    assert told["PD_FAULTS_URL"] == "http://127.0.0.1:5"
    assert told["SANDBOX_DIR"] == "/box"


def test_the_table_shows_what_has_ended_and_what_is_frozen() -> None:
    """These are the answers to `why does nothing happen?`."""
    lines = describe(LAYOUT, STATE).splitlines()
    assert any(line.startswith("pd-0") and "ended (SIGKILL)  -" in line for line in lines)
    assert any("frozen" in line and "assent-1-abcde" in line for line in lines)


def test_a_bare_sandbox_is_not_told_of_its_operator() -> None:
    """Commands to copy must work."""
    bare = {**STATE, "options": {**STATE["options"], "bare": True}, "operators": {}}
    assert "operator-1" in welcome(LAYOUT, STATE)
    assert "operator-1" not in welcome(LAYOUT, bare)
    assert "proposals" not in welcome(LAYOUT, bare)


def test_whoever_has_no_python_on_the_path_is_told_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """`make sandbox-up` needs none; the commands that it prints do."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert f'export PATH="{Path(sys.executable).parent}:$PATH"' in welcome(LAYOUT, STATE)


def test_whoever_has_it_is_not_bothered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line less to read."""
    monkeypatch.setenv("PATH", f"/usr/bin:{Path(sys.executable).parent}")
    assert "export PATH" not in welcome(LAYOUT, STATE)


def test_what_is_said_to_be_applied_is_there() -> None:
    """Commands to copy must work, from the root of the checkout."""
    named = re.findall(r"kubectl apply -f (\S+)", welcome(LAYOUT, STATE))
    assert named
    assert [path for path in named if not (CHECKOUT / path).is_file()] == []


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        pytest.param({"pd": 2}, "1 or 3 members", id="no quorum to gain"),
        pytest.param({"stores": 0}, "at least 1 store", id="nothing to hold regions"),
        pytest.param({"regions": 4}, "5 regions", id="PD itself cuts the keyspace into five"),
        pytest.param({"operators": -1}, "0 or more operators", id="less than none"),
    ],
)
def test_impossible_options_are_refused(wrong: dict[str, int], message: str) -> None:
    """Before anything is started."""
    with pytest.raises(SandboxError, match=message):
        Options(**wrong)  # type: ignore[arg-type]


def test_options_survive_the_way_to_the_supervisor() -> None:
    """They travel as an argument of its command line."""
    options = Options(stores=3, pd=3, pd_schedule={"leader-schedule-limit": 8})
    assert Options.from_json(options.to_json()) == options


def test_a_path_with_spaces_comes_with_a_line_that_keeps_it_whole() -> None:
    """`export $(…)` would cut KUBECONFIG at the space, and kubectl speak to nobody."""
    told = welcome(Layout(Path("/my box")), STATE)
    assert "IFS=$'\\n'; export $(python -m sandbox --dir '/my box' env); unset IFS" in told


def test_a_sandbox_elsewhere_is_named_in_what_to_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """After `--dir /box up`, a bare `env` would speak of another sandbox; SANDBOX_DIR is enough."""
    monkeypatch.delenv("SANDBOX_DIR", raising=False)
    assert "export $(python -m sandbox --dir /box env)" in welcome(LAYOUT, STATE)
    monkeypatch.setenv("SANDBOX_DIR", "/box")
    assert "export $(python -m sandbox env)" in welcome(LAYOUT, STATE)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_what_an_old_terminal_cannot_show_is_replaced(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bars and check marks are no reason to end a demo or to lose what a bench measured."""
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding))
    replace_unprintable()
    sys.stdout.write("── ✔ done\n")
    sys.stdout.flush()
    assert written.getvalue() == b"?? ? done\n"


def test_a_stream_of_anothers_making_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test's, a notebook's: it has no encoding to forgive."""
    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    replace_unprintable()
    sys.stdout.write("✔\n")
    assert out.getvalue() == "✔\n"
